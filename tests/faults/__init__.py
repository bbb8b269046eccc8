"""`python -m tests.faults --minutes M --seed S`: a stack of processes, broken again and again, and counted.

    __main__.py       the command, and the printout
    run.py            puts it together: stack, cameras, faults, then quiet, then the count
    stack.py          the processes: server, gateways, workers, and the proxies between them
    camera.py         posts images, with one key each, until they are acknowledged
    ledger.py         what was acknowledged, written after each acknowledgement
    injector.py       kill -9, SIGSTOP, SIGTERM, lost replies; how long recovery took
    accounting.py     the ledger against what the server holds: lost, doubled, run again
    worker.py         a worker with delayed_engine.py: an engine that answers after a set time

The server is real, and durable at D2; nothing in it is a test double but that engine.
"""
