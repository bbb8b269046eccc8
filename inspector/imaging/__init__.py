"""Images as bytes and as arrays. Imports nothing: the gateway needs header.py and must stay light.

header.py      format and dimensions from the bytes, without decoding; standard library only
decode.py      bytes -> array, once for each image
jpeg_scans.py  whether a JPEG holds all its scans; standard library only
levels.py      8 and 16 bits: which stored level is white, and whether an image is stored as training's were
preprocess.py  THE one path from array to network input, for training, evaluation and serving
tiles.py       how an image larger than the network's square is cut up
overlay.py     boxes and map drawn on the image
"""
