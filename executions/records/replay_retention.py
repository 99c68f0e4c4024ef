"""How long replays keep what they hold: inputs of people, so never longer than those, and
``REPLAY_KEPT`` in any case."""

from django.conf import settings
from django.db import transaction
from django.db.models import Q, Value
from django.db.models.functions import Now

from accounts.models import User
from executions.models import Attempt, Execution, ExecutionQuerySet


def forget_old_replays() -> int:
    """Empty the replays that are older than ``REPLAY_KEPT``; returns how many."""
    return empty_replays(
        Execution.objects.filter(requested_at__lt=Now() - Value(settings.REPLAY_KEPT))
    )


@transaction.atomic
def empty_replays(among: ExecutionQuerySet) -> int:
    """Remove what the finished replays of ``among`` hold; returns how many there were.

    Status, times, error class and fingerprint stay, so that the verdict does. Their flow runs are
    noted, for Prefect to delete.
    """
    replays = among.finished().filter(purpose=Execution.Purpose.REPLAY, purged_at=None)
    pks = list(replays.select_for_update(of=("self",)).values_list("pk", flat=True))
    attempts = Attempt.objects.filter(execution__in=pks)
    attempts.update(log="", flow_run_name="", states=None, is_forgotten=True)
    return Execution.objects.filter(pk__in=pks).update(
        inputs=None,
        outputs=None,
        diagnostics=None,
        warnings=[],
        message="",
        traceback="",
        search_text="",
        search_own="",
        purged_at=Now(),
    )


def replays_of_people(owner: User) -> ExecutionQuerySet:
    """The replays that hold inputs of ``owner``, whoever asked for them."""
    return Execution.objects.filter(Q(replay_of__user=owner) | Q(user=owner))
