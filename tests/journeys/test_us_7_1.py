"""US-7.1: people learn of a new version in the product and by mail, and choose what they get."""

import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.test import Client

from accounts.models import User
from models_registry import services
from models_registry.models import ModelVersion
from notifications.mail import writing
from notifications.models import Context, Kind, Mail, Notification
from notifications.services import count_of_people, notify_everyone
from tests.factories import make_version
from tests.post_office import PostOffice, body, post_office

__all__ = ["post_office"]


def tell(version: ModelVersion, *, previous: str = "") -> None:
    notify_everyone(
        kind=Kind.DEPLOYMENT,
        cause=f"test {version.pk}",
        title=f"New model available: {version.model.name} {version.short_name}",
        text="Trained on newer data.",
        url=f"/models/{version.model.slug}/",
        context=Context(
            model=version.model.name,
            model_id=version.model_id,
            version=version.short_name,
            previous=previous,
            deployed_at=datetime(2026, 11, 19, 9, 2, tzinfo=UTC),
            changes="Trained on newer data.",
            added=("Age",),
        ),
    )


def test_us_7_1_everybody_is_told_what_changed_in_the_product_and_by_mail(
    as_alice: Client, alice: User, bob: User, post_office: PostOffice
) -> None:
    version = make_version(is_active=True)
    assert count_of_people(Kind.DEPLOYMENT) == 2
    tell(version, previous="v3")
    page = as_alice.get(f"/models/{version.model.slug}/").content.decode()
    assert "New model available" in page
    assert "1 unread" in page
    writing.write_due(100)
    letters = post_office.collect()
    assert sorted(post_office.recipients) == ["alice@example.com", "bob@example.com"]
    for letter in letters:
        assert "What changed from v3: Trained on newer data." in body(letter, "plain")
        assert "Inputs added: Age" in body(letter, "plain")


def test_us_7_1_who_switches_off_in_the_mail_is_told_in_the_product_alone(
    client: Client, alice: User, post_office: PostOffice
) -> None:
    tell(make_version(is_active=True))
    writing.write_due(100)
    letter = post_office.one()
    link = re.search(r"Switch off:\n(\S+)", body(letter, "plain"))
    assert link
    client.post(urlsplit(link[1]).path)
    tell(make_version(is_active=True))
    writing.write_due(100)
    assert post_office.collect() == []
    assert Notification.objects.shown_to(alice).count() == 2


def test_us_7_1_a_promotion_tells_everybody_once(
    alice: User, ada: User, post_office: PostOffice
) -> None:
    services.promote(version=make_version(), text="The first version of all.", by=ada)
    writing.write_due(100)
    writing.write_due(100)
    assert Mail.objects.filter(subject__startswith="New model available").count() == (
        Notification.objects.filter(kind=Kind.DEPLOYMENT).count()
    )
    assert Notification.objects.filter(kind=Kind.DEPLOYMENT, user=alice).count() == 1
