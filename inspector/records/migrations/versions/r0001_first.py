"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def _id() -> sa.String:
    return sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")


def upgrade() -> None:
    _inspections()
    op.create_table(
        "findings",
        sa.Column("inspection_id", _id(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("class", sa.String(), nullable=False),
        sa.Column("score", sa.REAL(), nullable=False),
        sa.Column("threshold", sa.REAL(), nullable=False),
        *(sa.Column(name, sa.REAL(), nullable=False) for name in ("x1", "y1", "x2", "y2")),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("inspection_id", "number", name="pk_findings"),
    )
    op.create_table(
        "class_scores",
        sa.Column("inspection_id", _id(), nullable=False),
        sa.Column("class", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("top_score", sa.REAL(), nullable=False),
        sa.Column("defects", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("inspection_id", "class", name="pk_class_scores"),
    )
    _indexed("class_scores", ("class", "inspection_id"), ("line", "class", "inspection_id"))
    op.create_table(
        "documents",
        sa.Column("inspection_id", _id(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("inspection_id", name="pk_documents"),
    )
    op.create_table(
        "kept",
        sa.Column("inspection_id", _id(), nullable=False),
        sa.Column("image", sa.String(), nullable=False),
        sa.Column("attention", sa.String()),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sampled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("inspection_id", name="pk_kept"),
    )
    _indexed("kept", ("sampled", "inspection_id"))


def downgrade() -> None:
    raise NotImplementedError("the first tables hold all records: drop them by hand, if that is meant")


def _inspections() -> None:
    names = ("station", "view", "part_id", "lot_id", "recipe_id")
    flags = ("accept", "deadline_missed", "simulated", "first_look")
    took = ("queued_took_ms", "decode_took_ms", "inference_took_ms", "total_took_ms")
    op.create_table(
        "inspections",
        sa.Column("id", _id(), nullable=False),
        sa.Column("announced", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        *(sa.Column(name, sa.String()) for name in names),
        sa.Column("recipe_version", sa.Integer()),
        sa.Column("model_name", sa.String()),
        sa.Column("model_version", sa.String()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("verdict", sa.String()),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in flags),
        sa.Column("error_code", sa.String()),
        sa.Column("defects", sa.SmallInteger(), nullable=False),
        sa.Column("top_score", sa.REAL()),
        sa.Column("captured_ms", sa.BigInteger()),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("finished_ms", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.REAL()) for name in took),
        sa.Column("image_format", sa.String()),
        sa.Column("image_width", sa.Integer()),
        sa.Column("image_height", sa.Integer()),
        sa.Column("image_bytes", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_inspections"),
    )
    by_one = [(name, "id") for name in ("line", "verdict", "state", "part_id", "lot_id", "recipe_id")]
    _indexed("inspections", *by_one, ("line", "station", "id"), ("line", "verdict", "id"))


def _indexed(table: str, *indexes: tuple[str, ...]) -> None:
    for columns in indexes:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
