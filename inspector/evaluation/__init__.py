"""How good a model is, and what its errors cost.

predictions.py        what a model said about an image, whoever asked it: here, or over HTTP
evaluate.py           a data set and a model -> Report
report.py             Report: the figures as they stand in the JSON file
coco_metrics.py       mAP50 and mAP50-95, by pycocotools
deeppcb_protocol.py   DeepPCB's own protocol: IoU 0.33, AP, F
class_metrics.py      accuracy and confusion by class, where images have a class and no boxes
image_metrics.py      escapes and overkill at a recipe's thresholds
attention_metrics.py  whether the attention map points at the defects
thresholds.py         per class, where escapes and overkill balance on validation boards
metrics.py            pure figures: Wilson interval, AUROC, average precision, IoU
"""
