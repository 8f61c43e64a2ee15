"""Full text in the database itself, for environments without Elasticsearch."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX documents_text ON documents USING gin (to_tsvector('simple', title || ' ' || body))")


def downgrade() -> None:
    op.execute("DROP INDEX documents_text")
