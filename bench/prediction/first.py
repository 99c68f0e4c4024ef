"""`python -m bench.prediction.first`: the first requests to a stack that has just said ready.

A process of its own, because every start may give the stack other addresses. Signs in, predicts
with the forest once and then some more times, and scrapes /metrics twice; prints a JSON line.
"""

import json
import sys
import time
from typing import Any

import httpx

from bench import stack

WARM = 10


def measure() -> dict[str, Any]:
    from django.conf import settings

    from bench.prediction import round_trip
    from models_registry.models import ModelVersion

    slug = ModelVersion.objects.active().get(model__name=stack.MODEL).model.slug
    person = round_trip.Person(round_trip.sign_in("user@example.com", settings.DEMO_PASSWORD), slug)
    watcher = round_trip.Watcher()
    first = round_trip.one(person, watcher)
    scrapes = [scrape(settings.SITE_URL), scrape(settings.SITE_URL)]
    warm = [round_trip.one(person, watcher).as_json() for _ in range(WARM)]
    return {"first": first.as_json(), "warm": warm, "scrapes_ms": scrapes}


def scrape(address: str) -> float:
    """Return the milliseconds that /metrics takes."""
    headers = {"Authorization": f"Bearer {stack.METRICS_TOKEN}"}
    began = time.perf_counter()
    answer = httpx.get(f"{address}/metrics", headers=headers, timeout=60)
    if answer.status_code != 200:
        raise RuntimeError(f"/metrics was answered with {answer.status_code}")
    return round(1000 * (time.perf_counter() - began), 1)


if __name__ == "__main__":
    stack.set_up()
    json.dump(measure(), sys.stdout)
