"""Triggers that make the activity table append-only."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        # Only retention may remove or anonymise, and says so with the transaction-local setting
        # `activity.retention`.
        migrations.RunSQL(
            """
            CREATE OR REPLACE FUNCTION accounts_activity_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF current_setting('activity.retention', true) = 'on' THEN
                    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
                END IF;
                RAISE EXCEPTION 'activity is append-only';
            END $$;
            CREATE OR REPLACE TRIGGER accounts_activity_is_append_only
                BEFORE UPDATE OR DELETE ON accounts_activityevent FOR EACH ROW
                EXECUTE FUNCTION accounts_activity_is_append_only();
            """,
            """
            DROP TRIGGER accounts_activity_is_append_only ON accounts_activityevent;
            DROP FUNCTION accounts_activity_is_append_only();
            """,
        ),
        # TRUNCATE passes by the triggers of rows. The function is there for the tables of other apps,
        # too. The one exception is the setting of retention, which never truncates, but tests that
        # empty every table do.
        migrations.RunSQL(
            """
            CREATE OR REPLACE FUNCTION accounts_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF current_setting('activity.retention', true) = 'on' THEN
                    RETURN NULL;
                END IF;
                RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
            END $$;
            CREATE OR REPLACE TRIGGER accounts_activity_is_not_truncated
                BEFORE TRUNCATE ON accounts_activityevent FOR EACH STATEMENT
                EXECUTE FUNCTION accounts_refuse_truncate();
            """,
            """
            DROP TRIGGER accounts_activity_is_not_truncated ON accounts_activityevent;
            DROP FUNCTION accounts_refuse_truncate();
            """,
        ),
    ]
