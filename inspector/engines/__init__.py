"""The network on a device, and the pipeline around it.

base.py            the seam: Engine.infer(batch) -> RawOutput
openvino_engine.py torch_engine.py
choose.py          which engine and device, and why
postprocess.py     the network's numbers -> findings, image-level scores, map
classified.py      findings of classes that have no boxes
pipeline.py        bytes -> detections, classification and map; the same for service, files and evaluation
"""
