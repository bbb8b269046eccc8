"""Who may use a gateway: roles, API keys, and the file they stand in.

roles.py      the four roles
keys.py       Key: what is remembered of a secret; KeySet: finding the key that a secret belongs to
key_file.py   the file: read whole or not at all, changed by one writer at a time

The gateway reads the file, `inspector keys` writes it. Nobody needs a server for either.
"""
