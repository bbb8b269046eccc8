"""What the rows add up to, minute by minute; and indexes for filters that few inspections pass.

Fills the roll-ups from the rows that are there: ten minutes, perhaps, for ten million.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from inspector.records.rollups import rebuild

revision = "r0002"
down_revision: str | None = "r0001"
branch_labels: str | None = None
depends_on: str | None = None

_MINUTES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "minute_images": ({"said": sa.String}, ("images", "late")),
    "minute_latency": ({"took_ms": sa.Integer}, ("images",)),
    "minute_classes": ({"class": sa.String}, ("defects", "images")),
    "minute_places": ({"row": sa.Integer, "column": sa.Integer}, ("defects",)),
    "minute_parts": ({"good": sa.Boolean, "others": sa.String}, ("parts",)),
}
"""Keys beside minute and strand, and what is added up."""

_INDEXES = (
    ("ix_inspections_station_id", "inspections", ["station", "id"], None),
    ("ix_inspections_view_id", "inspections", ["view", "id"], None),
    ("ix_inspections_top_score", "inspections", ["top_score"], None),
    ("ix_inspections_simulated", "inspections", ["id"], "simulated"),
    ("ix_findings_counted", "findings", ["inspection_id"], "counted"),
)
"""Name, table, columns, and of which rows."""


def upgrade() -> None:
    for name, table, columns, where in _INDEXES:
        some = (sa.text(where), sa.text(f"{where} = 1")) if where else (None, None)
        op.create_index(name, table, columns, postgresql_where=some[0], sqlite_where=some[1])
    names = ("line", "station", "view", "recipe_id")
    op.create_table(
        "strands",
        sa.Column("strand", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in names),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("strand", name="pk_strands"),
        sa.UniqueConstraint(*names, "simulated", name="uq_strands"),
    )
    for name, (keys, values) in _MINUTES.items():
        whole = {"minute": sa.Integer, "strand": sa.Integer, **keys}
        op.create_table(
            name,
            *(sa.Column(key, kind(), nullable=False, autoincrement=False) for key, kind in whole.items()),
            *(sa.Column(value, sa.Integer(), nullable=False) for value in values),
            sa.PrimaryKeyConstraint(*whole, name=f"pk_{name}"),
        )
    rebuild(op.get_bind())


def downgrade() -> None:
    for name in (*_MINUTES, "strands"):
        op.drop_table(name)
    for name, table, _, _ in _INDEXES:
        op.drop_index(name, table)
