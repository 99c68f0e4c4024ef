"""What belongs to a version's configuration, its saved cases, and trials on many rows."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("models_registry", "0003_type_approvals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="feature",
            name="deprecation",
            field=models.CharField(
                blank=True, help_text="Why people should not fill this any more.", max_length=200
            ),
        ),
        migrations.AddField(
            model_name="feature",
            name="rank",
            field=models.PositiveIntegerField(default=0, verbose_name="place in the form"),
        ),
        migrations.AddField(
            model_name="feature",
            name="step",
            field=models.FloatField(
                blank=True,
                help_text="Values are multiples of it, counted from the minimum.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="altered_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="intended_use",
            field=models.TextField(
                blank=True, help_text="Who should use the model, for which decisions."
            ),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="limitations",
            field=models.TextField(
                blank=True,
                help_text="Where the model should not be trusted, and what to watch for.",
            ),
        ),
        migrations.CreateModel(
            name="InputRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveIntegerField(default=0, editable=False)),
                ("first", models.CharField(max_length=300, verbose_name="input")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("below", "is less than"),
                            ("at_most", "is at most"),
                            ("requires", "when it has this value, needs"),
                        ],
                        max_length=10,
                        verbose_name="rule",
                    ),
                ),
                ("value", models.JSONField(blank=True, null=True)),
                ("second", models.CharField(max_length=300, verbose_name="other input")),
                (
                    "message",
                    models.CharField(
                        blank=True,
                        help_text="What people read when the rule is broken.",
                        max_length=300,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rules",
                        to="models_registry.modelversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "rule between inputs",
                "ordering": ["position", "pk"],
            },
        ),
        migrations.CreateModel(
            name="ReferenceData",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("file_name", models.CharField(blank=True, max_length=255)),
                ("row_count", models.PositiveIntegerField()),
                ("profile", models.JSONField(default=dict)),
                ("rows", models.JSONField(default=list)),
                ("targets", models.JSONField(default=list)),
                ("is_held_out", models.BooleanField(default=False)),
                ("interval_halfwidth", models.FloatField(null=True)),
                ("interval_sha256", models.CharField(blank=True, max_length=64)),
                (
                    "uploaded_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "uploaded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reference_data",
                        to="models_registry.modelversion",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Rehearsal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sha256", models.CharField(blank=True, max_length=64)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("running", "Running"),
                            ("succeeded", "Passed"),
                            ("failed", "Refused"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("attempt", models.PositiveIntegerField(default=1)),
                ("lease_owner", models.CharField(blank=True, max_length=80)),
                ("lease_until", models.DateTimeField(null=True)),
                (
                    "dispatch_after",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("flow_run_id", models.UUIDField(null=True)),
                ("message", models.TextField(blank=True)),
                ("traceback", models.TextField(blank=True)),
                (
                    "requested_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("impact", "Impact on real inputs"),
                            ("calibration", "Interval from reference data"),
                        ],
                        max_length=12,
                    ),
                ),
                ("revision", models.PositiveIntegerField()),
                ("of", models.JSONField(default=list)),
                ("results", models.JSONField(default=list)),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rehearsals",
                        to="models_registry.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ["queued", "running"])),
                        fields=["dispatch_after"],
                        name="models_registry_open_rehearse",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["queued", "running"]),
                            ("finished_at__isnull", False),
                            _connector="OR",
                        ),
                        name="models_registry_finished_rehearsal_has_a_time",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Revision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("configuration", models.JSONField()),
                (
                    "changes",
                    models.JSONField(default=list, help_text="What changed, a sentence each."),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="revisions",
                        to="models_registry.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("version", "number"),
                        name="models_registry_revision_number_is_unique",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TestCase",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("inputs", models.JSONField()),
                ("expected", models.JSONField()),
                (
                    "tolerance",
                    models.FloatField(
                        default=0, validators=[django.core.validators.MinValueValidator(0)]
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("passed", models.BooleanField(null=True)),
                ("ran_at", models.DateTimeField(null=True)),
                ("ran_sha256", models.CharField(blank=True, max_length=64)),
                ("ran_revision", models.PositiveIntegerField(null=True)),
                ("found", models.JSONField(null=True)),
                ("problem", models.TextField(blank=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cases",
                        to="models_registry.modelversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "saved test case",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("version", "name"), name="models_registry_case_name_is_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("passed", None), ("ran_at__isnull", False), _connector="OR"
                        ),
                        name="models_registry_case_that_ran_has_a_time",
                    ),
                ],
            },
        ),
    ]
