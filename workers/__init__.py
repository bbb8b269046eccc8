"""Turns queued images into results: `python -m workers inspect`.

    __main__.py   composition root: settings, model, engine, queue, signals
    inspect.py    the network thread: take -> (hands) -> finish, heartbeat, sweep, drain
    hands.py      what this worker holds, from taken to recorded; where the threads meet
    compute.py    reader threads that decode, and the one thread that runs the model
    batching.py   pure policy: how much to take, what makes a batch
    memory.py     a limit of the process's own memory
    metrics.py    every Prometheus metric of a worker
    health.py     /healthz, /readyz, /metrics
    settings.py   every setting

The network thread never computes, and the compute thread never touches the network.
"""
