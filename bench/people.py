"""`python -m bench.people [FILE] [--people 40] [--seconds 60] [--pace 1]`: simulate many people on
the site at once. Each signs in, opens models' forms, fills them in, sends them, polls for the
answer, and looks at the history now and then (`visitors/locustfile.py`).

Then PostgreSQL is asked what became of every prediction that was accepted. The exit code is 1 if a
request failed, or a prediction was lost or failed. Nothing is asserted on time.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench import report, stack

ADDRESS = "people-{}@example.com"
SECONDS = 60
PEOPLE = 40
SIGN_INS_PER_SECOND = 2
STOP_SECONDS = 120
END_SECONDS = 120.0


def make_accounts(count: int, password: str) -> None:
    """Create an account for each person who has none yet."""
    from accounts.models import User

    for number in range(count):
        email = ADDRESS.format(number)
        if not User.objects.filter(email=email).exists():
            User.objects.create_user(email, password)


def use(
    site: str, *, people: int, seconds: int, seed: int, pace: float, password: str
) -> dict[str, Any]:
    """Have locust's process use the site; what it wrote."""
    file, log = stack.FOLDER / "people-answers.json", stack.FOLDER / "people.log"
    file.unlink(missing_ok=True)
    orders = {
        "PEOPLE_ADDRESS": ADDRESS,
        "PEOPLE_PASSWORD": password,
        "PEOPLE_SEED": str(seed),
        "PEOPLE_PACE": str(pace),
        "PEOPLE_ANSWERS": str(file),
    }
    with log.open("w") as output:
        done = subprocess.run(
            [
                sys.executable, "-m", "locust", "-f", "bench/visitors/locustfile.py", "--headless",
                "--host", site, "--users", str(people), "--spawn-rate", str(SIGN_INS_PER_SECOND),
                "--run-time", f"{seconds}s", "--stop-timeout", str(STOP_SECONDS),
                "--only-summary", "--exit-code-on-error", "0",
            ],
            cwd=stack.REPOSITORY, env={**os.environ, **orders}, stdout=output, stderr=output,
        )  # fmt: skip
    if done.returncode or not file.exists():
        raise RuntimeError(f"locust ended with code {done.returncode}; see {log}")
    told: dict[str, Any] = json.loads(file.read_text())
    return told


def ends_of(ids: list[str]) -> Counter[str]:
    """Return how the predictions ended, by PostgreSQL: their statuses, and "lost" for no row."""
    from executions.models import Execution

    rows = Execution.objects.filter(pk__in=ids)
    deadline = time.monotonic() + END_SECONDS
    while rows.finished().count() < rows.count() and time.monotonic() < deadline:
        time.sleep(0.5)
    ends = Counter(rows.values_list("status", flat=True))
    return ends + Counter(lost=len(set(ids)) - sum(ends.values()))


def summary(told: dict[str, Any], ends: Counter[str], seconds: int) -> dict[str, Any]:
    """Return what the run came to; ``is_whole`` where nothing failed and nothing is missing."""
    seen = [one["seen_after_seconds"] for one in told["answers"]]
    there = [one for one in seen if one is not None]
    failures = sum(one["failures"] for one in told["requests"])
    asked = len(seen)
    return {
        "requests": sum(one["count"] for one in told["requests"]),
        "failed_requests": failures,
        "asked": asked,
        "per_second": round(asked / seconds, 2),
        "ends": dict(ends),
        "seen": len(there),
        "seen_p50_seconds": round(report.percentile(there, 0.5), 3) if there else None,
        "seen_p95_seconds": round(report.percentile(there, 0.95), 3) if there else None,
        "is_whole": not told["errors"] and 0 < asked == len(there) == ends["succeeded"],
    }


def show(told: dict[str, Any], sums: dict[str, Any]) -> str:
    """Return one line a page, one for the predictions, and what went wrong."""
    lines = [f"{'':<36}{'count':>8}{'failed':>8}{'p50':>11}{'p95':>11}"]
    lines += [
        f"{one['page']:<36}{one['count']:>8,}{one['failures']:>8,}"
        f"{one['p50_ms']:>8,.0f} ms{one['p95_ms']:>8,.0f} ms"
        for one in told["requests"]
    ]
    ends = ", ".join(f"{count:,} {name}" for name, count in sorted(sums["ends"].items()))
    if sums["seen"]:
        seen = f"p50 {sums['seen_p50_seconds']:.2f} s, p95 {sums['seen_p95_seconds']:.2f} s"
        ends += f"; {sums['seen']:,} seen on the page, {seen} after they were sent"
    lines += [
        "",
        f"predictions: {sums['asked']:,} asked ({sums['per_second']:.1f} a second): {ends}",
    ]
    lines += [f"sent again, {one}" for one in told["sent_again"]]
    return "\n".join(lines + told["errors"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.people", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=stack.FOLDER / "people.json")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pace", type=float, default=1, help="2: half the time to think")
    arguments = parser.parse_args()
    people, seconds = arguments.people, arguments.seconds
    with stack.running():
        stack.set_up()
        from django.conf import settings

        make_accounts(people, settings.DEMO_PASSWORD)
        told = use(
            settings.SITE_URL,
            people=people,
            seconds=seconds,
            seed=arguments.seed,
            pace=arguments.pace,
            password=settings.DEMO_PASSWORD,
        )
        ends = ends_of([one["id"] for one in told["answers"]])
    facts = report.machine()
    sums = summary(told, ends, seconds)
    pace, load = arguments.pace, facts["load_average"][0]
    print(f"\n{people} people for {seconds} s at pace {pace:g}, load {load}\n")
    print(show(told, sums), flush=True)
    order = {"people": people, "seconds": seconds, "pace": pace, "seed": arguments.seed}
    report.write(arguments.file, {"machine": facts} | order | {"sums": sums} | told)
    return 0 if sums["is_whole"] else 1


if __name__ == "__main__":
    sys.exit(main())
