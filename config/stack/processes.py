"""The product's own processes, and the whole stack as one list in the order of dependencies."""

import http.client
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from config.stack.environment import Environment
from config.stack.errors import NotHealthyError, StackError
from config.stack.servers import ports, postgres, prefect, redis, s3
from config.stack.supervision.parts import Part

# Django commands, each list in one process: before the product's processes begin, and beside them,
# up to the first prediction. A line that begins with a minus may fail; one that begins with a
# question mark waits for a part.
PREPARING = ("migrate --no-input", "createcachetable", "collect_static")
FILLING = ("?prefect", "sync_prefect")
# One prediction from request to result; the ready line states its duration.
FIRST_PREDICTION = (
    "-predict 'Iris species' --by user@example.com --json --inputs"
    """ '{"sepal_length": 5.8, "sepal_width": 3, "petal_length": 4.35, "petal_width": 1.3}'"""
)
FILLING_THE_DEMO = ("seed_demo", "?worker", FIRST_PREDICTION)


def ours(environment: Environment) -> dict[str, str]:
    """Return the environment of every process of the product."""
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        **environment.values,
        **prefect.QUIET,
        "PYTHONUNBUFFERED": "1",
    }


def check_web(values: Mapping[str, str]) -> None:
    """Raise NotHealthyError unless the site says that it is healthy, under its own name."""
    connection = http.client.HTTPConnection(ports.LOOPBACK, int(values["WEB_PORT"]), timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": urlsplit(values["SITE_URL"]).netloc})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise NotHealthyError(str(error) or type(error).__name__) from None
    finally:
        connection.close()
    if status != 200:
        raise NotHealthyError(f"/healthz answers {status}")


def check_celery(redis_url: str, node: str) -> None:
    """Raise NotHealthyError unless this stack's Celery worker answers a ping."""
    from celery import Celery
    from kombu.exceptions import OperationalError

    with Celery(broker=redis_url, set_as_current=False) as app:
        app.conf.broker_transport_options = {"socket_connect_timeout": 2, "socket_timeout": 2}
        try:
            answers = app.control.ping(destination=[node], timeout=1.5)
        except OperationalError as error:
            raise NotHealthyError(str(error)) from None
    if not answers:
        raise NotHealthyError("no answer to a ping")


def heartbeats(redis_url: str, *, machine: str = "") -> list[dict[str, Any]]:
    """Return the heartbeats of resident workers (each is kept for 15 s), of one machine or of all.
    Raises NotHealthyError if there is none."""
    import redis as client
    from redis.exceptions import RedisError

    try:
        with client.Redis.from_url(redis_url, socket_timeout=2, retry=None) as connection:
            keys = list(connection.scan_iter(f"worker:heartbeat:{machine}*", count=1000))
            beats = [json.loads(beat) for beat in connection.mget(keys) if beat] if keys else []
    except RedisError as error:
        raise NotHealthyError(str(error)) from None
    if not beats:
        raise NotHealthyError("no heartbeat")
    return beats


def check_worker(redis_url: str, *, opens_models: bool) -> None:
    """Raise NotHealthyError unless a resident worker is there.

    StackError where ``opens_models`` must be true and it says why it opens none: waiting does not
    mend that.
    """
    problems = [beat.get("problem") for beat in heartbeats(redis_url)]
    if opens_models and all(problems):
        raise StackError(str(problems[0]))


def commands(
    environment: Environment,
    name: str,
    lines: tuple[str, ...],
    after: tuple[str, ...],
    uses: tuple[str, ...] = (),
) -> Part:
    """Return a step that runs Django commands, one after the other, in one process."""
    argv = (sys.executable, "-m", "config.stack.commands", *lines)
    values = ours(environment)
    return Part(name, argv=argv, after=after, uses=uses, environment=values, is_step=True)


def web(environment: Environment) -> Part:
    host = environment.values.get("WEB_HOST", ports.LOOPBACK)
    address = f"{host}:{environment['WEB_PORT']}"
    return Part(
        "web",
        argv=(
            sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", address,
            "--worker-class", "config.web.front.Worker",
            "--workers", "2", "--threads", "4", "--preload", "--no-control-socket",
            "--keep-alive", "75", "--graceful-timeout", "4", "--timeout", "60",
            "--log-level", "warning",
        ),
        address=environment["SITE_URL"],
        after=("prepare",),
        environment=ours(environment),
        check=lambda: check_web(environment.values),
        is_shown=True,
    )  # fmt: skip


def celery(environment: Environment) -> Part:
    """Return Celery's worker with beat inside it: threads, because tasks only wait for other
    servers."""
    node = f"celery@stack-{environment['WEB_PORT']}"
    schedule = environment.folder / "celery" / "beat"
    return Part(
        "celery",
        argv=(
            sys.executable, "-m", "celery", "-A", "config", "--quiet", "worker",
            "--beat", "--schedule", str(schedule), "--hostname", node, "--pool", "threads",
            "--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "WARNING",
        ),
        address=node,
        after=("prepare", "redis"),
        # Root is what this machine gave us; the warning would be seven lines at every start.
        environment={
            **ours(environment),
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
        },
        check=lambda: check_celery(environment["REDIS_URL"], node),
        is_shown=True,
    )  # fmt: skip


def worker(environment: Environment) -> Part:
    """Return the resident Prefect worker. It opens its models before it asks for Prefect."""
    return Part(
        "worker",
        argv=(sys.executable, "-m", "flows.worker"),
        address=environment["PREFECT_API_URL"],
        after=("prepare", "redis", "s3"),
        uses=("prefect",),
        environment=ours(environment),
        check=lambda: check_worker(environment["REDIS_URL"], opens_models=environment.is_demo),
        is_shown=True,
    )


def servers(environment: Environment) -> list[Part]:
    """Return the four servers, the slowest starter first."""
    return [
        postgres.part(environment),
        prefect.part(environment),
        redis.part(environment),
        s3.part(environment),
    ]


def everything(environment: Environment) -> list[Part]:
    """Return the whole stack."""
    is_demo = environment.is_demo
    filling = (*FILLING, *(FILLING_THE_DEMO if is_demo else ()))
    return [
        *servers(environment),
        commands(environment, "prepare", PREPARING, after=("postgres",)),
        web(environment),
        celery(environment),
        worker(environment),
        commands(
            environment,
            "fill",
            filling,
            after=("prepare", "redis"),
            uses=("prefect", "celery", *(("worker",) if is_demo else ())),
        ),
    ]


def only(names: Collection[str], parts: Sequence[Part]) -> list[Part]:
    """Return the named parts, with dependencies among each other only; all parts if none is
    named."""
    known = {part.name for part in parts}
    if unknown := sorted(set(names) - known):
        raise StackError(
            f"There is no part {', '.join(unknown)}: expected some of {', '.join(sorted(known))}."
        )
    kept = set(names) or known
    return [
        replace(part, after=tuple(name for name in part.after if name in kept))
        for part in parts
        if part.name in kept
    ]
