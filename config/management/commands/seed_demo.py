"""`manage.py seed_demo`: create three people, three live models and thirty days of invented past,
once."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from config.demo import past
from executions.management.publishing import publish
from models_registry.models import ModelVersion, RegisteredModel

Inputs = dict[str, Any]
MODELS: dict[str, tuple[str, str, Inputs]] = {
    "iris": (
        "Iris species",
        "Tells which of three iris species a flower is, from four lengths.",
        {"sepal_length": 5.8, "sepal_width": 3.0, "petal_length": 4.35, "petal_width": 1.3},
    ),
    "diabetes": (
        "Diabetes progression",
        "Estimates how far diabetes has progressed one year after ten measurements were taken.",
        {
            "age": 50, "sex": 1, "bmi": 25.7, "bp": 93, "s1": 186,
            "s2": 113, "s3": 48, "s4": 4, "s5": 4.62, "s6": 91,
        },
    ),
    "loans": (
        "Loan repayment",
        "Estimates how likely a loan is to be repaid. Trained on invented loans, so use it to look "
        "around, not to decide.",
        {
            "age": 34, "income": 41500, "job_years": None, "employment": "self_employed",
            "owns_home": False, "amount": 18000, "term": 60, "interest_rate": 6.9,
            "purpose": "debts", "missed_payments": 2, "defaulted_before": False,
        },
    ),
}  # fmt: skip
SECOND = "loans_2"
"""The second version of the loans, which was live for a few days of the past."""
PEOPLE: dict[str, dict[str, Any]] = {
    "user@example.com": {"name": "Uma User"},
    "admin@example.com": {"name": "Adam Admin", "is_staff": True},
    "superuser@example.com": {"name": "Sue Superuser", "is_staff": True, "is_superuser": True},
}
WAIT_SECONDS = 120.0


class Command(BaseCommand):
    help = "Make the demo's people and models. Exists only in the embedded demo; safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_DEMO or settings.IS_PRODUCTION or not settings.DEMO_PASSWORD:
            raise CommandError("The demo is off: it needs DEMO=true and DEMO_PASSWORD.")
        for email, fields in PEOPLE.items():
            seed_person(email, fields)
        missing = [
            name
            for name, (title, _, _) in MODELS.items()
            if not RegisteredModel.objects.live().filter(name=title).exists()
        ]
        if missing:
            self.seed_models(missing)

    def seed_models(self, names: list[str]) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            # On the first start of the demo alone: one that was removed does not come back.
            has_past = settings.HAS_DEMO_PAST and names == list(MODELS)
            train = [sys.executable, "-m", "config.demo.train", str(folder)]
            train += ["--past"] if has_past else []
            subprocess.run(train, check=True, cwd=settings.BASE_DIR, env=dict(os.environ))
            versions = {name: self.publish(folder, name, MODELS[name]) for name in names}
            if has_past:
                second = self.publish(folder, SECOND, MODELS["loans"], is_live=False)
                rows = {
                    name: json.loads((folder / f"{name}_past.json").read_text())
                    for name in (*MODELS, SECOND)
                }
                count = past.write(rows, versions | {SECOND: second})
                self.stdout.write(f"{count} predictions of the last thirty days invented")

    def publish(
        self,
        folder: Path,
        name: str,
        about: tuple[str, str, dict[str, Any]],
        *,
        is_live: bool = True,
    ) -> ModelVersion:
        title, description, inputs = about
        file = folder / f"{name}.joblib"
        publication = publish(
            model_name=title,
            description=description,
            chunks=[file.read_bytes()],
            file_name=file.name,
            config=json.loads(file.with_suffix(".json").read_text()),
            test_inputs=inputs,
            promotes=is_live,
            changes="The first version of this demo model.",
            by=User.objects.get(email="admin@example.com"),
            seconds=WAIT_SECONDS,
        )
        if publication.status != ("active" if is_live else "tested"):
            raise CommandError(f"{title}: {publication.message}")
        self.stdout.write(f"{title}: {publication.message}")
        return publication.version


def seed_person(email: str, fields: dict[str, Any]) -> None:
    """Create a demo account, or set its password to the one that the ready line shows."""
    person = User.objects.filter(email=email).first()
    if person is None:
        User.objects.create_user(email, settings.DEMO_PASSWORD, **fields)
    elif not person.check_password(settings.DEMO_PASSWORD):
        person.set_password(settings.DEMO_PASSWORD)
        person.save(update_fields=["password"])
