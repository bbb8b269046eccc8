"""Images with their truth, for training and evaluation.

dataset.py    Sample and Dataset: what every source gives
sources/      one file for each annotation format, and the parts train, val and test
survey.py     what the image files are: headers, grey or colour
check.py      what would spoil a training: `inspector dataset check`
synthetic.py  seeded printed circuit boards, good and defective, with exact boxes
              (synthetic_layout.py the copper, _shapes.py and _defects.py what goes wrong with it)
healed.py     good boards made from defective ones and their templates
split.py      by group or by class, seeded
augment.py    what training does to a sample
"""
