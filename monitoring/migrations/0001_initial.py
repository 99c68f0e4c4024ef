"""Failure groups with their timeline, single reviews, and requests for help."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("executions", "0010_failures"),
        ("models_registry", "0007_rehearsals_check_a_file"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FailureGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("fingerprint", models.CharField(max_length=32, unique=True)),
                (
                    "error_code",
                    models.CharField(
                        choices=[
                            ("INPUT", "Rejected by the model's own checks"),
                            ("MODEL", "Exception in predict"),
                            ("LOAD", "The file cannot be loaded, or is refused"),
                            ("STORAGE", "The file is missing or was altered"),
                            ("TIMEOUT", "Over the model's run limit"),
                            ("MEMORY", "Over the memory limit"),
                            ("EXPIRED", "Not started within the queue deadline"),
                            ("CRASH", "The model's process died, or a worker was lost"),
                        ],
                        max_length=10,
                    ),
                ),
                ("exception", models.CharField(blank=True, max_length=100)),
                ("title", models.CharField(blank=True, max_length=300)),
                ("step", models.CharField(blank=True, max_length=200)),
                ("count", models.PositiveIntegerField(default=0)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("new", "New"),
                            ("reviewed", "Reviewed"),
                            ("resolved", "Resolved"),
                            ("regressed", "Regressed"),
                        ],
                        default="new",
                        max_length=10,
                    ),
                ),
                (
                    "state_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "category",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("input", "Input problem"),
                            ("model", "Model bug"),
                            ("data", "Data or environment"),
                            ("infrastructure", "Infrastructure"),
                            ("none", "Not a problem"),
                        ],
                        max_length=20,
                    ),
                ),
                ("returned_at", models.DateTimeField(blank=True, null=True)),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="failure_groups",
                        to="models_registry.registeredmodel",
                    ),
                ),
                (
                    "resolved_in",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="models_registry.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ["-last_seen_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="ReviewedFailure",
            fields=[
                (
                    "execution",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="review",
                        serialize=False,
                        to="executions.execution",
                    ),
                ),
                (
                    "category",
                    models.CharField(
                        choices=[
                            ("input", "Input problem"),
                            ("model", "Model bug"),
                            ("data", "Data or environment"),
                            ("infrastructure", "Infrastructure"),
                            ("none", "Not a problem"),
                        ],
                        max_length=20,
                    ),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SupportMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("is_from_admin", models.BooleanField(default=False)),
                ("subject", models.CharField(blank=True, max_length=200)),
                ("text", models.TextField(blank=True, max_length=5000)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="support_messages",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="FailureNote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("text", models.TextField(blank=True, max_length=5000)),
                (
                    "state",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("new", "New"),
                            ("reviewed", "Reviewed"),
                            ("resolved", "Resolved"),
                            ("regressed", "Regressed"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "category",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("input", "Input problem"),
                            ("model", "Model bug"),
                            ("data", "Data or environment"),
                            ("infrastructure", "Infrastructure"),
                            ("none", "Not a problem"),
                        ],
                        max_length=20,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=200)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="failure_notes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "execution",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="failure_notes",
                        to="executions.execution",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notes",
                        to="monitoring.failuregroup",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="models_registry.modelversion",
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="monitoring.supportmessage",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="SupportRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("answered", "Answered"), ("closed", "Closed")],
                        default="open",
                        max_length=10,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "execution",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="support_request",
                        to="executions.execution",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="support_requests",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-updated_at", "-id"],
            },
        ),
        migrations.AddField(
            model_name="supportmessage",
            name="request",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="messages",
                to="monitoring.supportrequest",
            ),
        ),
        migrations.AddIndex(
            model_name="failuregroup",
            index=models.Index(fields=["-last_seen_at", "-id"], name="monitoring_last_seen"),
        ),
        migrations.AddIndex(
            model_name="failuregroup",
            index=models.Index(
                fields=["state", "-last_seen_at", "-id"], name="monitoring_by_state"
            ),
        ),
        migrations.AddConstraint(
            model_name="failuregroup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "reviewed"), _negated=True),
                    models.Q(("category", ""), _negated=True),
                    _connector="OR",
                ),
                name="monitoring_reviewed_has_a_category",
            ),
        ),
        migrations.AddConstraint(
            model_name="failuregroup",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["resolved", "regressed"]), _negated=True),
                    ("resolved_in__isnull", False),
                    _connector="OR",
                ),
                name="monitoring_resolved_names_a_version",
            ),
        ),
        migrations.AddIndex(
            model_name="failurenote",
            index=models.Index(fields=["group", "-id"], name="monitoring_timeline"),
        ),
        migrations.AddIndex(
            model_name="supportrequest",
            index=models.Index(fields=["-updated_at", "-id"], name="monitoring_support_newest"),
        ),
        migrations.AddIndex(
            model_name="supportrequest",
            index=models.Index(
                fields=["state", "-updated_at", "-id"], name="monitoring_support_state"
            ),
        ),
    ]
