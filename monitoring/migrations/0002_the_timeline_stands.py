"""What was done about a failure stays as it was written."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION monitoring_the_timeline_stands() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'the timeline of a failure is append-only';
            END $$;
            CREATE TRIGGER monitoring_the_timeline_stands
                BEFORE UPDATE OR DELETE ON monitoring_failurenote FOR EACH ROW
                EXECUTE FUNCTION monitoring_the_timeline_stands();
            """,
            """
            DROP TRIGGER monitoring_the_timeline_stands ON monitoring_failurenote;
            DROP FUNCTION monitoring_the_timeline_stands();
            """,
        )
    ]
