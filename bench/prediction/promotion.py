"""The first prediction after a promotion, beside warm ones of the minute before.

The drafts were tested before the stack's last start, so that no process has held their models
since: what is warm after the promotion, the promotion has warmed.
"""

import httpx
from django.conf import settings

from bench.prediction import round_trip
from bench.prediction.round_trip import Person, Sample, Watcher
from bench.stack import ADMIN, MODEL
from models_registry.models import ModelVersion

WARM = 10


def measure(drafts: list[str], watcher: Watcher) -> tuple[list[Sample], list[Sample]]:
    """Return the first prediction after the promotion of each draft, by its file's sha256, and the
    warm ones in between."""
    admin = round_trip.sign_in(ADMIN, settings.DEMO_PASSWORD)
    session = round_trip.sign_in("user@example.com", settings.DEMO_PASSWORD)
    first, warm = [], []
    for sha256 in drafts:
        version = ModelVersion.objects.select_related("model").get(model__name=MODEL, sha256=sha256)
        person = Person(session, version.model.slug)
        warm += [round_trip.one(person, watcher) for _ in range(WARM)]
        promote(version, admin)
        first.append(round_trip.one(Person(session, version.model.slug), watcher))
    return first, warm


def promote(version: ModelVersion, admin: httpx.Cookies) -> None:
    """Make the version live on the page where admins do it."""
    path = f"/admin/models_registry/modelversion/{version.pk}/promote/"
    with httpx.Client(base_url=settings.SITE_URL, timeout=60, cookies=admin) as site:
        form = {
            "csrfmiddlewaretoken": round_trip.token_of(site.get(path).text),
            "text": "The same forest, grown from another seed.",
            "libraries_tested": "on",
            "inputs_reviewed": "on",
        }
        answer = site.post(path, data=form)
    if answer.status_code != 302:
        raise RuntimeError(f"the promotion was answered with {answer.status_code}")
