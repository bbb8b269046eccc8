"""How good a model is, and what its errors cost.

predictions.py        what a model said about an image, whoever asked it: here, or over HTTP
evaluate.py           a data set and a model -> Evaluation
report.py             Report: the figures as they stand in the JSON file
headline.py           the same in the order in which people read them
coco_metrics.py       mAP50 and mAP50-95, by pycocotools
deeppcb_protocol.py   DeepPCB's own protocol: IoU 0.33, AP, F
class_metrics.py      accuracy and confusion by class, where images have a class and no boxes
image_metrics.py      escapes and overkill at a recipe's thresholds
attention_metrics.py  whether the attention map points at the defects
looks.py              one image's map against its boxes or masks
bootstrap.py          replicates of all those figures from per-image matches; intervals.py says which
matching.py           which finding is which defect: confusion, misses, false alarms
operating.py          what other thresholds would do
choice.py             thresholds for a wanted overkill or escape rate, by class or one for all
thresholds.py         the one threshold that `inspector train` starts a recipe with
metrics.py            pure figures: Wilson interval, AUROC, average precision, IoU
pixels.py             the pixels behind a case, for pictures
page/                 the report that people read
"""
