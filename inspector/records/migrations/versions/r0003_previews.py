"""Previews of images that a browser cannot show; and an index for a lot's parts of one verdict."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision: str | None = "r0002"
branch_labels: str | None = None
depends_on: str | None = None

_INDEX = "ix_inspections_lot_id_verdict_id"


def upgrade() -> None:
    op.add_column("kept", sa.Column("preview", sa.String()))
    op.create_index(_INDEX, "inspections", ["lot_id", "verdict", "id"])


def downgrade() -> None:
    op.drop_index(_INDEX, "inspections")
    op.drop_column("kept", "preview")
