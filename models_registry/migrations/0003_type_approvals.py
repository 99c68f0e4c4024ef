"""A superuser's approval of one type in one file; once given it stands."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_registry", "0002_artifacts_and_deployments_stand"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TypeApproval",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sha256", models.CharField(max_length=64)),
                ("module", models.CharField(max_length=300)),
                ("name", models.CharField(max_length=300)),
                (
                    "approved_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["sha256", "module", "name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("sha256", "module", "name"),
                        name="models_registry_type_is_approved_once_per_file",
                    )
                ],
            },
        ),
        migrations.RunSQL(
            """
            CREATE FUNCTION models_registry_approvals_stand() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'UPDATE' AND NEW.approved_by_id IS NULL
                   AND (NEW.id, NEW.sha256, NEW.module, NEW.name, NEW.approved_at)
                       IS NOT DISTINCT FROM
                       (OLD.id, OLD.sha256, OLD.module, OLD.name, OLD.approved_at) THEN
                    RETURN NEW;  -- the person was deleted
                END IF;
                RAISE EXCEPTION 'approvals of types are append-only';
            END $$;
            CREATE TRIGGER models_registry_approvals_stand
                BEFORE UPDATE OR DELETE ON models_registry_typeapproval FOR EACH ROW
                EXECUTE FUNCTION models_registry_approvals_stand();
            """,
            """
            DROP TRIGGER models_registry_approvals_stand ON models_registry_typeapproval;
            DROP FUNCTION models_registry_approvals_stand();
            """,
        ),
    ]
