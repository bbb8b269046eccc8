"""Turns queued images into results, and results into records: `python -m workers inspect | archive`.

    __main__.py          the roles
    inspect_role.py      composition root of `inspect`: settings, model, engine, queue
    intake.py            the thread that waits for images while there is something to begin them with
    inspect.py           the network thread: (hands) -> finish, and take ahead; heartbeat, sweep, drain
    hands.py             what this worker holds, from taken to recorded; where the threads meet
    compute.py           lanes, an image each; or reader threads that decode, and one or more for batches
    batching.py          pure policy: how much to take, what makes a batch
    memory.py            a limit of the process's own memory
    metrics.py           every Prometheus metric of a worker
    archive_role.py      composition root of `archive`: settings, database, store, queue
    archive.py           take -> images out -> rows in -> let the queue go; what does not answer is waited for
    archive_metrics.py   every Prometheus metric of an archiver
    health.py            /healthz, /readyz, /metrics
    signals.py           SIGTERM and Ctrl-C
    flags.py             how each role reads its flags
    settings.py, archive_settings.py    every setting

Of an inspecting worker, intake and network thread never compute, and the compute threads never touch the
network.
An archiver imports no model.
"""
