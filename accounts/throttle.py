"""The pause after too many failed sign-ins. allauth counts and refuses (ACCOUNT_RATE_LIMITS); the
owner of the account is told once."""

from datetime import timedelta

from django.core.cache import cache
from django.utils import timezone

from accounts.models import ActivityEvent

FAILURES = 5
WINDOW = timedelta(minutes=15)


def has_just_paused(email: str) -> bool:
    """Whether the failure just recorded was the one that began a pause for this account. True once
    in a window, however many attempts follow."""
    recent = ActivityEvent.objects.filter(
        action="sign-in failed", target=email, at__gt=timezone.now() - WINDOW
    )
    if recent[:FAILURES].count() < FAILURES:
        return False
    return bool(cache.add(f"sign-in-paused:{email}", True, WINDOW.total_seconds()))
