"""Dispatch of the rows that a sweep found due."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

from engine.errors import PrefectUnavailable

logger = logging.getLogger(__name__)

Due = TypeVar("Due")


def hand_over(due: Iterable[Due], dispatch: Callable[[Due], None]) -> int:
    """Dispatch one after the other; return how many were dispatched. While Prefect is unreachable
    the rest stay queued and are due again."""
    handed = 0
    for one in due:
        try:
            dispatch(one)
        except PrefectUnavailable as error:
            logger.warning("sweep_waits_for_prefect error=%s", error)
            break
        handed += 1
    return handed
