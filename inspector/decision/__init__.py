"""Findings + classification + recipe -> verdict and reasons. Pure: no clock, no network, no numpy.

verdict.py   the judgement
recipes.py   a folder of recipe files, read and checked
"""
