"""The same rows as the CSV's, as a Parquet file: columns with types, for pandas, Polars, DuckDB and the like.

In a process of its own (`inspector records export`), never in the gateway: pyarrow is 55 MB, of the extra
`parquet`, and a file of it is written by whoever has a disk.

    database ── ROWS_AT_ONCE ──▶ a batch of columns ── ROWS_IN_A_GROUP ──▶ a row group of the file
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Boolean, Engine, Integer, String
from sqlalchemy.types import TypeEngine

from inspector.records.export import CSV_COLUMNS, TIMES, batches
from inspector.records.search import Wanted
from inspector.records.tables import inspections

ROWS_IN_A_GROUP = 20_000
"""What is held in memory: some 10 MB. Readers skip and read a file by these groups."""


def write_parquet(engine: Engine, wanted: Wanted, file: Path, wrote: Callable[[int], None]) -> int:
    """How many rows; newest first. `wrote` is told after each group how many there are by then.

    Texts are as they are kept, without the CSV's ' before a formula; times are UTC. Raises OSError,
    RecordsUnavailable; what is in `file` by then is no Parquet file.
    """
    count = 0
    with pq.ParquetWriter(file, SCHEMA, compression="zstd") as out:
        for group in _groups(engine, wanted):
            out.write_table(group, row_group_size=ROWS_IN_A_GROUP)
            count += group.num_rows
            wrote(count)
    return count


def _groups(engine: Engine, wanted: Wanted) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    for rows in batches(engine, wanted):
        held.append(_batch(rows))
        if sum(batch.num_rows for batch in held) >= ROWS_IN_A_GROUP:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def _batch(rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    columns = [
        pa.array([row[TIMES.get(field.name, field.name)] for row in rows], type=field.type)
        for field in SCHEMA
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _type(name: str) -> pa.DataType:
    if name in TIMES:
        return pa.timestamp("ms", tz="UTC")
    kind: TypeEngine[Any] = inspections.c[name].type
    for known, type_ in ((Boolean, pa.bool_()), (Integer, pa.int32()), (String, pa.string())):
        if isinstance(kind, known):
            return type_
    return pa.float32()


SCHEMA = pa.schema([pa.field(name, _type(name)) for name in CSV_COLUMNS])
