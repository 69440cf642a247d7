"""A halt of a run covers the runs that it has started, and those that they have."""

from django.db import migrations

IS_UNDER = """
CREATE FUNCTION orchestra_run_is_under(parent bigint, upper bigint) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
  WITH RECURSIVE above AS (
    SELECT id, parent_run_id FROM orchestra_run WHERE id = parent
    UNION ALL SELECT r.id, r.parent_run_id FROM orchestra_run r JOIN above ON r.id = above.parent_run_id)
  SELECT EXISTS (SELECT 1 FROM above WHERE id = upper)
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("orchestra", "0008_each_webhook_has_its_turn")]

    operations = [
        migrations.RunSQL(IS_UNDER, "DROP FUNCTION orchestra_run_is_under(bigint, bigint);"),
    ]
