"""Triggers that keep a finished execution's status, inputs, outputs, version and times unchanged,
except for the one UPDATE that purges it: inputs and outputs become empty, the status stays."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("executions", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(
            """
            CREATE OR REPLACE FUNCTION executions_finished_rows_stand() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.status IS DISTINCT FROM OLD.status THEN
                    RAISE EXCEPTION 'execution % is finished: its status stays', OLD.id;
                END IF;
                IF OLD.purged_at IS NULL AND NEW.purged_at IS NOT NULL
                   AND NEW.inputs IS NULL AND NEW.outputs IS NULL THEN
                    RETURN NEW;
                END IF;
                IF NEW.inputs IS DISTINCT FROM OLD.inputs
                   OR NEW.outputs IS DISTINCT FROM OLD.outputs
                   OR NEW.version_id IS DISTINCT FROM OLD.version_id
                   OR NEW.finished_at IS DISTINCT FROM OLD.finished_at THEN
                    RAISE EXCEPTION 'execution % is finished: its inputs and outputs stay', OLD.id;
                END IF;
                RETURN NEW;
            END $$;
            CREATE OR REPLACE TRIGGER executions_finished_rows_stand
                BEFORE UPDATE ON executions_execution FOR EACH ROW
                WHEN (OLD.status IN ('succeeded', 'failed', 'canceled'))
                EXECUTE FUNCTION executions_finished_rows_stand();
            """,
            """
            DROP TRIGGER executions_finished_rows_stand ON executions_execution;
            DROP FUNCTION executions_finished_rows_stand();
            """,
        ),
    ]
