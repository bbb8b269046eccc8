"""The network on a device, and the pipeline around it.

base.py            the seams: Engine, Laned (a CPU), Sifter (a GPU)
openvino_engine.py torch_engine.py   on a CPU
cuda_engine.py     on a GPU: torch_sift.py is what runs there, cuda_device.py the GPU itself
choose.py          which engine and device, and why
sifting.py         the network's numbers -> what findings can come of
postprocess.py     that -> findings, image-level scores, map
classified.py      findings of classes that have no boxes
pipeline.py        bytes -> detections, classification and map; the same for service, files and evaluation
"""
