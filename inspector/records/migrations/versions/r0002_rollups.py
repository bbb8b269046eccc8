"""What the rows add up to, minute by minute; and an index of the findings that counted.

Fills the roll-ups from the rows that are there: a minute or two for ten million.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from inspector.records.rollups import rebuild

revision = "r0002"
down_revision: str | None = "r0001"
branch_labels: str | None = None
depends_on: str | None = None

_MINUTES: dict[str, tuple[dict[str, type[sa.types.TypeEngine[object]]], tuple[str, ...]]] = {
    "minute_images": ({"said": sa.String}, ("images", "late")),
    "minute_latency": ({"took_ms": sa.Integer}, ("images",)),
    "minute_classes": ({"class": sa.String}, ("defects", "images")),
    "minute_places": ({"row": sa.Integer, "column": sa.Integer}, ("defects",)),
    "minute_parts": ({"good": sa.Boolean, "others": sa.String}, ("parts",)),
}
"""Keys beside minute and strand, and what is added up."""


def upgrade() -> None:
    counted = sa.text("counted")
    op.create_index(
        "ix_findings_counted", "findings", ["inspection_id"], postgresql_where=counted, sqlite_where=counted
    )
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
    op.drop_index("ix_findings_counted", "findings")
