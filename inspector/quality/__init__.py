"""Is the process still the one that it was? Control charts over counts. Pure: the standard library alone.

tails.py             exact chances of a binomial or Poisson count, and what they allow
run_rules.py         Nelson's eight rules: patterns that chance alone hardly makes
control_charts.py    p chart and u chart: centre line, limits, scores, broken rules

A control limit says what the process does when nothing has changed; what a drawing allows is another matter.
"""
