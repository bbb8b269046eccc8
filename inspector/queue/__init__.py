"""The one room that knows Redis. The promises stand in the README; how they are kept, in scripts/*.lua.

base.py      the seams: Producer, Consumer, Results, Admin
keys.py      every key, in one place
scripts/     submit, take's helpers, finish, bury: Lua, with their contract at the top
redis_*.py   the seams on Redis or Valkey
memory.py    the same seams in memory, run by the same contract tests
"""
