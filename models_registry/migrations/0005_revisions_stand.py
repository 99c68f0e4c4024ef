"""A saved revision never changes and goes only with its draft; a rule is between two inputs, and a
step is more than 0."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("models_registry", "0004_configuration_cases_and_rehearsals")]

    operations = [
        migrations.AddConstraint(
            model_name="feature",
            constraint=models.CheckConstraint(
                condition=models.Q(("step", None), ("step__gt", 0), _connector="OR"),
                name="models_registry_step_is_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="inputrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("first", models.F("second")), _negated=True),
                name="models_registry_rule_is_between_two",
            ),
        ),
        migrations.RunSQL(
            """
            CREATE FUNCTION models_registry_revisions_stand() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'DELETE' THEN  -- asked at the end of the transaction
                    IF EXISTS (SELECT 1 FROM models_registry_modelversion WHERE id = OLD.version_id) THEN
                        RAISE EXCEPTION 'revisions are append-only';
                    END IF;
                    RETURN NULL;
                END IF;
                IF NEW.by_id IS NULL
                   AND (NEW.id, NEW.version_id, NEW.number, NEW.configuration, NEW.changes, NEW.at)
                       IS NOT DISTINCT FROM
                       (OLD.id, OLD.version_id, OLD.number, OLD.configuration, OLD.changes, OLD.at) THEN
                    RETURN NEW;  -- the person was deleted
                END IF;
                RAISE EXCEPTION 'revisions are append-only';
            END $$;
            CREATE TRIGGER models_registry_revisions_stand
                BEFORE UPDATE ON models_registry_revision FOR EACH ROW
                EXECUTE FUNCTION models_registry_revisions_stand();
            CREATE CONSTRAINT TRIGGER models_registry_revisions_stay
                AFTER DELETE ON models_registry_revision DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
                EXECUTE FUNCTION models_registry_revisions_stand();
            """,
            """
            DROP TRIGGER models_registry_revisions_stand ON models_registry_revision;
            DROP TRIGGER models_registry_revisions_stay ON models_registry_revision;
            DROP FUNCTION models_registry_revisions_stand();
            """,
        ),
    ]
