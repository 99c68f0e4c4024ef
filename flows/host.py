"""The model host of this process: one for all its runs, started when first needed."""

import atexit
import os
import socket
import threading
from functools import cache

from django.conf import settings

from model_host.client import ModelHost
from model_host.protocol.artifact import Limits
from models_registry.models import RegisteredModel

_starting = threading.Lock()


def model_host() -> ModelHost:
    """Return the running host. Raises HostError if it does not come up."""
    with _starting:
        host = _host()
    host.start()
    return host


@cache
def _host() -> ModelHost:
    host = ModelHost(
        max_children=settings.MODEL_HOST_MAX_CHILDREN,
        max_memory_bytes=settings.MODEL_HOST_MAX_BYTES,
        children_per_model=settings.WORKER_SLOTS + 1,  # one explains while the slots predict
        one_child_per_prediction=settings.ONE_CHILD_PER_PREDICTION,
        allow_unsandboxed=settings.ALLOW_UNSANDBOXED_MODELS,
        boosters=settings.BOOSTERS_ALLOWED,
    )
    atexit.register(host.close)
    return host


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
