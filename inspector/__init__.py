"""Inspector: the library behind an open defect-inspection service. It serves nothing and starts nothing.

One image meets the rooms in this order:

    camera      posts it from the line PC (over HTTP)
    messages    what crosses a process boundary: Job, Recipe, Result
    queue       the one room that knows Redis: admit, take, finish
    imaging     sniff, decode, prepare
    engines     the network on a device, and the pipeline bytes -> findings and map
    decision    findings + recipe -> OK | NG | REVIEW

What makes the model lives in `models` (CBAM, detector, bundle), `data`, `training` and `evaluation`.
`quality` says whether a process is still the one it was (control charts), `access` who may use a gateway,
`monitoring` what is measured, `errors` is the one tree of errors, `logs` the form of every log, `cli` the
command line. Importing this package imports none of them.
"""

__version__ = "0.1.0"
