"""The network on a device, and the pipeline around it.

base.py            the seam: Engine.infer(batch) -> RawOutput
openvino_engine.py torch_engine.py
choose.py          which engine and device, and why
pipeline.py        bytes -> detections, classification and map; the same for service, files and evaluation
"""
