"""How many predictions, replays, exports and curves one person may ask for, and how many may wait.

Each check raises TooManyRequests with the seconds to wait, or QueueFull.
"""

from django.conf import settings
from django.db.models import Count, Q

from accounts.models import ActivityEvent, ApiToken, User
from config.limits.rate_window import seconds_to_wait
from engine.wakeup import quick_redis
from executions.errors import QueueFull, TooManyBatches, TooManyRequests
from executions.models import Execution

COUNTED_SECONDS = 60
EXPORTED = "predictions exported"


def check_prediction_rate(user: User) -> None:
    own = Execution.objects.predictions().filter(user=user, by_program=False)
    if wait := seconds_to_wait(own, "requested_at", limit=settings.PREDICTIONS_PER_MINUTE):
        raise TooManyRequests(wait)


def check_replay_rate(user: User) -> None:
    own = Execution.objects.filter(user=user, purpose=Execution.Purpose.REPLAY)
    if wait := seconds_to_wait(own, "requested_at", limit=settings.REPLAYS_PER_MINUTE):
        raise TooManyRequests(wait)


def check_export_rate(user: User) -> None:
    own = ActivityEvent.objects.filter(actor=user, action=EXPORTED)
    if wait := seconds_to_wait(own, "at", limit=settings.EXPORTS_PER_MINUTE):
        raise TooManyRequests(wait)


def check_token_rate(token: ApiToken) -> None:
    """The requests of a program, counted by Redis. Raises RedisError, too."""
    _count(f"token:{token.pk}", settings.API_REQUESTS_PER_MINUTE)


def check_exploration_rate(user: User) -> None:
    """As many curves a minute as predictions; they leave no row, so Redis counts them. Raises
    RedisError, too."""
    _count(f"explored:{user.pk}", settings.PREDICTIONS_PER_MINUTE)


def check_form_check_rate(user: User) -> None:
    """The checks of a form while it is filled in, counted by Redis. Raises RedisError, too."""
    _count(f"checked:{user.pk}", settings.FORM_CHECKS_PER_MINUTE)


def _count(key: str, limit: int) -> None:
    """Count one request under a key that Redis forgets after a minute."""
    with quick_redis().pipeline() as pipe:
        pipe.set(key, 0, ex=COUNTED_SECONDS, nx=True)
        pipe.incr(key)
        pipe.ttl(key)
        _, count, seconds = pipe.execute()
    if count > limit:
        raise TooManyRequests(max(1, seconds))


def check_batches(user: User) -> None:
    """Check that not too many batches of the person wait or run. Raises TooManyBatches."""
    most = settings.BATCHES_PER_PERSON
    open_ones = Execution.objects.batches().filter(user=user).exclude(status__in=Execution.FINISHED)
    if open_ones[:most].count() >= most:
        raise TooManyBatches(most)


def check_queue(user: User) -> None:
    """Check that neither the person's runs that wait nor those of all are too many."""
    queued = Execution.objects.queued().aggregate(
        own=Count("pk", filter=Q(user=user)), all=Count("pk")
    )
    if queued["own"] >= settings.MAX_QUEUED_PER_USER or queued["all"] >= settings.MAX_QUEUED:
        raise QueueFull
