"""The health check of one part of the product, run inside its own container: `python -m
config.stack.probe web|celery|beat FILE|worker|prefect|s3`; exit code 0 if healthy.

Django is not loaded: a probe runs every few seconds. Variables may come from files, as everywhere.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from config.stack import processes
from config.stack.errors import NotHealthyError
from config.stack.servers import prefect, s3

BEAT_SECONDS = 60  # it sends something every 5 s


def variable(name: str) -> str:
    """Return the variable, or what the file holds that <name>_FILE names."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return os.environ.get(name, "")


def check_web() -> None:
    port = os.environ.get("WEB_PORT", "8000")
    processes.check_web({"WEB_PORT": port, "SITE_URL": variable("SITE_URL")})


def check_celery() -> None:
    processes.check_celery(variable("REDIS_URL"), f"celery@{os.uname().nodename}")


def check_beat(schedule: str) -> None:
    """Check the age of the file in which beat records its last sending; it stops while Redis is
    unreachable."""
    file = Path(schedule)
    ages = [time.time() - part.stat().st_mtime for part in file.parent.glob(f"{file.name}*")]
    if not ages or min(ages) > BEAT_SECONDS:
        raise NotHealthyError("nothing was sent for a minute")


def check_worker() -> None:
    """Check that this machine's worker sent its heartbeat in the last seconds."""
    processes.heartbeats(variable("REDIS_URL"), machine=f"{os.uname().nodename[:50]}-")


def check_prefect() -> None:
    port = urlsplit(variable("PREFECT_API_URL")).port
    prefect.check(f"http://127.0.0.1:{port}/api")


def check_s3() -> None:
    """Check that the gateway answers and that these keys can access the bucket."""
    names = ("AWS_S3_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    s3.check_bucket({name: variable(name) for name in names})


CHECKS: dict[str, Callable[..., None]] = {
    "web": check_web,
    "celery": check_celery,
    "beat": check_beat,
    "worker": check_worker,
    "prefect": check_prefect,
    "s3": check_s3,
}

if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    try:
        CHECKS[name](*arguments)
    except NotHealthyError as error:
        sys.exit(str(error))
