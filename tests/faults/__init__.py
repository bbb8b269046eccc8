"""`python -m tests.faults --minutes M --seed S`: a stack of processes, broken again and again, and counted.

    __main__.py       the command, and the printout
    run.py            puts it together: stack, cameras, faults, then quiet, then the count
    servers.py        the queue's servers: one alone, a primary under Sentinels, a cluster of six nodes
    stack.py          the processes: servers, gateways and workers
    versions.py       another checkout, whose gateways and workers run beside ours
    camera.py         posts images, with one key each, until they are acknowledged
    ledger.py         what was acknowledged, written after each acknowledgement
    injector.py       kill -9, SIGSTOP, SIGTERM, lost replies; how long recovery took
    accounting.py     the ledger against what the server holds: lost, doubled, run again
    worker.py         a worker that counts the runs of its model: the shipped one, or delayed_engine.py, an
                      engine that answers after a set time

The servers are real and durable: one at D2, or with --failover a primary and two replicas under three
Sentinels, or with --cluster four shards on six nodes, these at D3. Nothing in it is a test double but that
engine.
"""
