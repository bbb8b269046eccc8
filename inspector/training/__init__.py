"""From a data set to a bundle.

config.py      what a run is
loader.py      samples -> batches, seeded, one thread ahead
assign.py      which anchor points answer for which box
losses.py      what the network is punished for
whole.py       images that are never cropped: those that are only labelled
weak.py        what is learnt from them
loop.py        the run: schedule, averaging, progress
checkpoint.py  stop at any moment, go on later; no pickle
validate.py    thresholds and figures on the validation part
export.py      weights -> sealed bundle, with a parity gate
"""
