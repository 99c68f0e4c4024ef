"""What waits for an admin: failures to review, and requests to answer."""

from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from monitoring.models import FailureGroup, State, SupportMessage, SupportRequest

NEWEST = 3


@dataclass(frozen=True)
class WaitingFailures:
    """The number of failure groups that need a review, and the newest of them, with their
    model."""

    count: int
    newest: list[FailureGroup]


@dataclass(frozen=True)
class WaitingRequests:
    """The number of open requests, and the newest of them, each with ``last_words``, its prediction
    and its person."""

    count: int
    newest: list[SupportRequest]


def new_failures(at_most: int = NEWEST) -> WaitingFailures:
    """Return the groups that nobody has reviewed, or that failed again, last seen first. Two
    queries."""
    groups = FailureGroup.objects.filter(state__in=[State.NEW, State.REGRESSED])
    newest = groups.select_related("model").order_by("-last_seen_at", "-id")
    return WaitingFailures(groups.count(), list(newest[:at_most]))


def open_requests(at_most: int = NEWEST) -> WaitingRequests:
    """Return the requests whose person waits for a reply, last written first. Two queries."""
    last = SupportMessage.objects.filter(request=OuterRef("pk"), is_from_admin=False)
    requests = SupportRequest.objects.filter(state=SupportRequest.State.OPEN)
    newest = (
        requests.select_related("execution__version__model", "user")
        .annotate(last_words=Subquery(last.order_by("-pk").values("text")[:1]))
        .order_by("-updated_at", "-id")
    )
    return WaitingRequests(requests.count(), list(newest[:at_most]))
