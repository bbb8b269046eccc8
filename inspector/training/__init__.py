"""From a data set to a bundle.

config.py      what a run is
loader.py      samples -> batches, seeded, some ahead in threads
cache.py       decoded images in memory, bounded by their bytes
takeover.py    an earlier bundle's weights as the start
assign.py      which anchor points answer for which box
losses.py      what the network is punished for
whole.py       images that are never cropped: those that are only labelled
weak.py        what is learnt from them
loop.py        the run: schedule, averaging, looks at validation, best weights, early end
precision.py   the half precision of a device
watch.py       how the averaged weights do on the validation part, now and then
checkpoint.py  stop at any moment, go on later; no pickle
journal.py     metrics.jsonl
curves.py      its pictures
validate.py    thresholds and figures on the validation part
export.py      weights -> sealed bundle, with a parity gate
recipe_file.py the recipe beside it
"""
