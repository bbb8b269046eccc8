"""The one room that knows Redis. The promises stand in the README; how they are kept, in scripts/*.lua.

base.py      the seams: Producer, Consumer, Results, Archive, Disposal, Admin
connect.py   opens them on a server, by URL
settings.py  what every process at the queue must agree on
keys.py      every key, in one place
scripts/     submit, room, take, finish, bury, expire, overdue, sweep, renew, hand_back, open, leave, report,
             drop, requeue, attach, archived, trim, mark, forsake (over settle, letters, budget, known, ready,
             ahead, ring, unlink): each with its contract at the top
scripting.py, settling.py, reading.py, fullness.py, letters.py, reports.py, ending.py
             the scripts' texts, their arguments, and what is read back
redis_*.py   the seams on Redis or Valkey, over redis_connection.py; primary.py says where that is,
             trips.py lets commands of many requests travel together
confirmation.py, confirmed.py, sentinels.py, replication.py
             D3: whether what was written outlives the primary, and who is asked
blobs.py     the folder of images that are too large for the server
sharded.py   the same seams over several shards of it
memory.py    the same seams in memory, over memory_store.py; run by the same contract tests
"""
