"""The settings of real workers in tests: leases so short that a test need not wait for them."""

from datetime import timedelta

from config.settings_test import *  # noqa: F403

LEASE = timedelta(seconds=2)
LEASE_RENEWAL = timedelta(seconds=0.5)
LOGGING["root"]["level"] = "INFO"  # type: ignore[index]  # noqa: F405
