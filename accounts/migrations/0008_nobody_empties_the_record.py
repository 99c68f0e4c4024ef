"""TRUNCATE passes by the triggers of rows, so the tables that only grow refuse it. The function is
there for the tables of other apps, too. The one exception is the setting that retention sets for a
transaction (`accounts/retention.py`); it never truncates, but tests that empty every table do."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_addresses_are_folded")]

    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION accounts_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF current_setting('activity.retention', true) = 'on' THEN
                    RETURN NULL;
                END IF;
                RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
            END $$;
            CREATE TRIGGER accounts_activity_is_not_truncated
                BEFORE TRUNCATE ON accounts_activityevent FOR EACH STATEMENT
                EXECUTE FUNCTION accounts_refuse_truncate();
            """,
            """
            DROP TRIGGER accounts_activity_is_not_truncated ON accounts_activityevent;
            DROP FUNCTION accounts_refuse_truncate();
            """,
        )
    ]
