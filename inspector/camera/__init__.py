"""The line PC's part: take images from a source, post them to a gateway, keep what could not be delivered.

shot.py        Shot: one image and what identifies it; Delivery: what became of it
folder.py      source: the image files of a folder
synthetic.py   source: seeded synthetic boards (needs the worker extra)
api_key.py     the key that the gateway asks for
client.py      Gateway: post one image until it has a terminal answer, however often that takes
spool.py       what could not be delivered, kept so that it can be sent again as the very same request
outbox.py      the folders of a watched folder: taken, sent, refused
watch.py       files as they appear in a folder, handed over in order
camera.py      Camera: a source, a rate, so many at a time
tally.py       counts, rate and latencies of a run

Installs with the base package: httpx and the standard library. Only synthetic.py needs numpy and OpenCV.
"""
