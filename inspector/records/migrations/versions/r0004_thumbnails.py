"""Small pictures for lists of parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision: str | None = "r0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("kept", sa.Column("thumbnail", sa.String()))


def downgrade() -> None:
    op.drop_column("kept", "thumbnail")
