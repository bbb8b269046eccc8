"""Images as bytes and as arrays. Imports nothing: the gateway needs header.py and must stay light.

header.py      format and dimensions from the bytes, without decoding; standard library only
decode.py      bytes -> array, once for each image
jpeg_scans.py  whether a JPEG holds all its scans; standard library only
preprocess.py  THE one path from array to network input, for training, evaluation and serving
overlay.py     boxes and map drawn on the image
"""
