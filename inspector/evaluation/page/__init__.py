"""The report that people read: one page and its pictures. No network, no script.

write.py       Evaluation -> a folder with index.html and pictures/
figures.py     the headline, by class, by group
curves.py      precision against recall, what was taken for what
costs.py       what other thresholds would cost
gallery.py     the worst misses and false alarms, and where the network looked
drawings.py    one picture: boxes and map on a place of a part
charts.py      line charts as SVG
pieces.py      sections, tables, numbers
"""
