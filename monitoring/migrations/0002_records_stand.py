"""Triggers that make the timeline of failures append-only."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0001_initial"),
        ("accounts", "0002_records_stand"),
    ]

    operations = [
        migrations.RunSQL(
            """
            CREATE OR REPLACE FUNCTION monitoring_the_timeline_stands() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'the timeline of a failure is append-only';
            END $$;
            CREATE OR REPLACE TRIGGER monitoring_the_timeline_stands
                BEFORE UPDATE OR DELETE ON monitoring_failurenote FOR EACH ROW
                EXECUTE FUNCTION monitoring_the_timeline_stands();
            """,
            """
            DROP TRIGGER monitoring_the_timeline_stands ON monitoring_failurenote;
            DROP FUNCTION monitoring_the_timeline_stands();
            """,
        ),
        # It cannot be truncated.
        migrations.RunSQL(
            """
            CREATE OR REPLACE TRIGGER monitoring_the_timeline_is_not_truncated
                BEFORE TRUNCATE ON monitoring_failurenote FOR EACH STATEMENT
                EXECUTE FUNCTION accounts_refuse_truncate();
            """,
            """
            DROP TRIGGER monitoring_the_timeline_is_not_truncated ON monitoring_failurenote;
            """,
        ),
    ]
