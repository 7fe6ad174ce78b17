"""kinds of work

Revises: 6a73f78ba3df
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "b41d0c6f2e97"
down_revision = "6a73f78ba3df"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version: what is there already are experiments."""
    with op.batch_alter_table("experiments", recreate="never") as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=16), server_default="experiment", nullable=False))
        batch_op.drop_index("ix_experiments_name")
        batch_op.create_index("ix_experiments_name", ["kind", "name", "seq"], unique=False)
        batch_op.create_index("ix_experiments_kind", ["kind", "seq"], unique=False)
        batch_op.create_index("ix_experiments_kind_state", ["kind", "state", "seq"], unique=False)


def downgrade() -> None:
    """Back to the version before; what is no experiment goes."""
    op.execute("DELETE FROM experiments WHERE kind <> 'experiment'")
    with op.batch_alter_table("experiments", recreate="never") as batch_op:
        batch_op.drop_index("ix_experiments_kind_state")
        batch_op.drop_index("ix_experiments_kind")
        batch_op.drop_index("ix_experiments_name")
        batch_op.create_index("ix_experiments_name", ["name", "seq"], unique=False)
        batch_op.drop_column("kind")
