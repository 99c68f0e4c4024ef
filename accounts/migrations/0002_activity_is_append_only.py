"""What people did stays as it was written. Only retention may remove or anonymise, and says so with
the transaction-local setting `activity.retention`."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION accounts_activity_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF current_setting('activity.retention', true) = 'on' THEN
                    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
                END IF;
                RAISE EXCEPTION 'activity is append-only';
            END $$;
            CREATE TRIGGER accounts_activity_is_append_only
                BEFORE UPDATE OR DELETE ON accounts_activityevent FOR EACH ROW
                EXECUTE FUNCTION accounts_activity_is_append_only();
            """,
            """
            DROP TRIGGER accounts_activity_is_append_only ON accounts_activityevent;
            DROP FUNCTION accounts_activity_is_append_only();
            """,
        )
    ]
