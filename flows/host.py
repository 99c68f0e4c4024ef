"""The model hosts of this process: one for each runtime, shared by all its runs and started when
first needed. That of the product's own scikit-learn stays; the others rest while nobody asks."""

import atexit
import os
import socket
import threading
from functools import cache, partial

from django.conf import settings

from config.runtimes import default_minor, executable, installation, offer, offers
from model_host.client import ModelHost
from model_host.protocol.artifact import Limits
from model_host.protocol.errors import HostError
from models_registry.models import RegisteredModel

_starting = threading.Lock()
_by_use: dict[tuple[str, str], ModelHost] = {}
"""The hosts of the other runtimes by runtime and installation, longest unused first. One whose
installation was replaced or removed ends as soon as it answers nothing."""


def model_host(runtime: str = "") -> ModelHost:
    """Return the running host of a runtime ("1.5"; "" is the product's own). Raises HostError if it
    does not come up, or if this machine does not have the runtime (any more)."""
    runtime = "" if runtime == default_minor() else runtime
    with _starting:
        installed_as = installation(settings.RUNTIMES_DIR, runtime) if runtime else ""
        host = _host(runtime, installed_as)
        if runtime:
            _make_room((runtime, installed_as), host)
    host.start()
    return host


def runtimes() -> tuple[str, ...]:
    """Return the runtimes of this machine, the oldest first."""
    return tuple(each.minor for each in offers(settings.RUNTIMES_DIR) if each.is_here)


def rest_unused() -> None:
    """End the processes of the other runtimes that nobody has asked for a while, and at once those
    of an installation that was replaced or removed."""
    for (runtime, installed_as), host in list(_by_use.items()):
        if host.is_awake:
            is_there = installed_as == installation(settings.RUNTIMES_DIR, runtime)
            host.rest(unused_seconds=settings.RUNTIME_IDLE_SECONDS if is_there else 0.0)


def _make_room(used: tuple[str, str], host: ModelHost) -> None:
    """Note the use of a host, and end the processes of those unused longest while more than
    RUNTIMES_AT_ONCE run. One that answers stays."""
    _by_use.pop(used, None)
    awake = [other for other in _by_use.values() if other.is_awake]
    for other in awake[: max(0, len(awake) + 1 - settings.RUNTIMES_AT_ONCE)]:
        other.rest()
    _by_use[used] = host


@cache
def _host(runtime: str = "", installed_as: str = "") -> ModelHost:
    make = partial(ModelHost, python=_python(runtime)) if runtime else ModelHost
    host = make(
        max_children=settings.MODEL_HOST_MAX_CHILDREN,
        max_memory_bytes=settings.MODEL_HOST_MAX_BYTES,
        # one explains while the slots predict
        children_per_model=settings.WORKER_SLOTS + settings.BATCH_SLOTS + 1,
        one_child_per_prediction=settings.ONE_CHILD_PER_PREDICTION,
        allow_unsandboxed=settings.ALLOW_UNSANDBOXED_MODELS,
        boosters=settings.BOOSTERS_ALLOWED,
    )
    atexit.register(host.close)
    return host


def _python(runtime: str) -> str:
    """The interpreter of a runtime. Raises HostError, not of the model's making, without it."""
    found = offer(settings.RUNTIMES_DIR, runtime)
    if not found.is_here:
        raise HostError("CRASH", f"{host_name()}: {found.problem}", lost=True)
    return executable(settings.RUNTIMES_DIR, runtime)


def limits_of(model: RegisteredModel) -> Limits:
    """Return the limits of one of the model's processes."""
    return Limits(
        load_seconds=model.load_seconds,
        predict_seconds=model.predict_seconds,
        memory_bytes=settings.MODEL_HOST_MEMORY_BYTES,
    )


@cache
def owner() -> str:
    """Return the name of this process as Prefect's pages, our attempts and leases show it."""
    return f"{host_name()}-{os.getpid()}"


def host_name() -> str:
    return socket.gethostname()[:50]
