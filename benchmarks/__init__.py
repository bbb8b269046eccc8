"""Figures about speed, each by one command: `python -m benchmarks networks`. How to read them: README.md."""
