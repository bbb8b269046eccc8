"""The processes of `inspector up`.

plan.py         what is to run: ports, environment, command of each child
datadir.py      the data directory: writable, ours alone (lock), logs, stack.json
embedded.py     the embedded Valkey server: its binary, configuration and readiness
ports.py        which port is free
child.py        one child process: start, ready, last words, stop
first.py        the first of several waits
tether.py       runs in the child before the program: dies when `up` dies
supervisor.py   starts in order, restarts what dies, stops in the opposite order
"""
