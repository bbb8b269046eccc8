"""What is remembered of every inspection: rows in SQLite or PostgreSQL, images in a folder or S3.

tables.py       the tables, as SQLAlchemy sees them
migrations/     how a database gets them, and every later change; migrate.py runs it
settings.py     where they are: database and images
database.py     opens a database by URL: for the one who writes, for those who read
rows.py         an outcome as rows
write.py        batches of rows: each inspection once, whatever comes twice
images.py       where images and maps lie: a folder, S3 (fsspec)
retention.py    which images are kept, and which leave
search.py       filters, and pages that stay right while parts arrive
export.py       the same rows as CSV and COCO, in a stream
statistics.py   yield, FPY, defects by class and place, latency
spans.py        minutes, hours, shifts, days of the plant's clock
charts.py       control charts of each line, of the subgroups of subgroups.py
mean_images.py  what a product looks like: which means are due, and where they lie

Only the archiver writes. Nothing here knows the queue.
"""
