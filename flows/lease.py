"""Leases of running rows: the worker renews them in time or loses the row.

One thread renews every lease of the process. Only the database's clock decides who holds a row; a
lease counts as lost here as soon as it may have ended, so that this process never writes to a row
that another one may have claimed.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connections

from flows.errors import LeaseLost

logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5


class Lease:
    """The lease of one row that this process holds. ``lost`` is set once it no longer does."""

    def __init__(self, extend: Callable[[], bool], taken_at: float) -> None:
        self.lost = threading.Event()
        self._extend = extend
        self._good_until = taken_at + settings.LEASE.total_seconds()

    def renew(self) -> None:
        """Renew the lease. An unreachable database is tolerated until the lease has ended."""
        asked_at = time.monotonic()
        try:
            if self._extend():
                self._good_until = asked_at + settings.LEASE.total_seconds()
            else:
                self.lost.set()
        except (OperationalError, InterfaceError) as error:
            connections.close_all()
            logger.warning("lease_not_renewed error=%s", type(error).__name__)
        if time.monotonic() >= self._good_until:
            self.lost.set()

    def write(self, report: Callable[[], bool]) -> None:
        """Write the outcome; retry while the database is unreachable and the lease lasts. Raises
        LeaseLost once the row is no longer ours, and the database's error if it rejects the outcome
        itself."""
        while True:
            try:
                if not report():
                    raise LeaseLost
                return
            except (OperationalError, InterfaceError) as error:
                if _is_about_the_outcome(error):
                    raise
                connections.close_all()
                logger.warning("report_waits_for_database error=%s", type(error).__name__)
            ends = time.monotonic() + RETRY_SECONDS >= self._good_until
            if ends or self.lost.wait(RETRY_SECONDS):
                raise LeaseLost

    def try_to_write(self, report: Callable[[], bool]) -> Exception | None:
        """Write the outcome, but return the error that prevented it. The caller must write another
        outcome instead: a row without one counts as that of a lost worker, and is retried. Raises
        LeaseLost."""
        try:
            self.write(report)
        except LeaseLost:
            raise
        except Exception as error:  # any error must be written to the row
            logger.error(
                "outcome_not_stored error=%s", type(error).__name__
            )  # its message quotes the row
            return error
        return None


def _is_about_the_outcome(error: Exception) -> bool:
    """Whether PostgreSQL refuses for good what is too large or too complex for it (class 54); it
    counts that among the operational errors."""
    return str(getattr(error.__cause__, "sqlstate", None)).startswith("54")


class Leases:
    """Every lease of this process, renewed by one thread that lives as long as the process."""

    def __init__(self) -> None:
        self._held: set[Lease] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.are_ending = False

    @contextmanager
    def holding(self, extend: Callable[[], bool], *, taken_at: float) -> Iterator[Lease]:
        """Renew a lease, taken at ``taken_at`` on the monotonic clock, while the block runs."""
        lease = Lease(extend, taken_at)
        with self._lock:
            self._held.add(lease)
            if self._thread is None:
                self._thread = threading.Thread(target=self._renew, name="leases", daemon=True)
                self._thread.start()
        try:
            yield lease
        finally:
            with self._lock:
                self._held.discard(lease)

    def end_all(self) -> None:
        """Stop every model that still runs here, and return its row to the queue, before the
        process ends."""
        self.are_ending = True
        with self._lock:
            for lease in self._held:
                lease.lost.set()

    def _renew(self) -> None:
        while True:
            time.sleep(settings.LEASE_RENEWAL.total_seconds())
            with self._lock:
                held = list(self._held)
            if held:
                close_old_connections()
                for lease in held:
                    lease.renew()
                connections.close_all()


leases = Leases()
