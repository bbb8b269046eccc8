"""Studies: questions about a model that no line asks every day, each answered by one command.

data.py         the parts of a data set that a study may see
asking.py       pictures -> cases, through the workers' own pipeline
disturb.py      noise, blur, low contrast
robustness.py   recall by defect size; mAP under what disturb.py does
ablation.py     none, SE and CBAM, trained alike from several seeds
summary.py      runs -> mean and spread, as markdown and a picture

This room lies above training, since an ablation trains.
"""
