"""How a database gets its tables: one file a change in versions/, written by hand, run by migrate.py.

A change that is out is never edited; the next one gets a file of its own, and tables.py says what comes of
all. A test holds the two to each other on both databases.
"""
