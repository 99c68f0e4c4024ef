"""The settings of real workers in tests: no lease ends by itself, however slow the machine is, and
each is renewed so often that a worker soon notices its loss."""

from datetime import timedelta

from config.settings_test import *  # noqa: F403
from tests.clocks import PATIENCE_SECONDS

LEASE = timedelta(seconds=2 * PATIENCE_SECONDS)
LEASE_RENEWAL = timedelta(seconds=0.5)
LOGGING["root"]["level"] = "INFO"  # type: ignore[index]  # noqa: F405
