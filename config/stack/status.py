"""`status`: list each part of the running stack with its address and its health."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from config import runtimes
from config.stack import processes
from config.stack.environment import Environment
from config.stack.errors import NotHealthyError
from config.stack.supervision import record
from config.stack.supervision.parts import Part
from config.stack.supervision.record import Record


def status(folder: Path) -> int:
    """Show each part; exit code 0 only where all are healthy."""
    running = record.read(folder) if record.is_held(folder) else None
    if running is None:
        print(f"Nothing is running in {folder}.")
        return 1
    environment = Environment(folder, running.values, running.own)
    parts = processes.only(running.parts, processes.everything(environment))
    parts = [part for part in parts if not part.is_step]
    with ThreadPoolExecutor(max_workers=len(parts)) as checks:
        healths = list(checks.map(lambda part: health(part, running), parts))
    rows = [("part", "address", "health", "pid")]
    for part, told in zip(parts, healths, strict=True):
        process = running.processes.get(part.name)
        pid = str(process.identity.pid) if process else "your own" if part.is_own else ""
        rows.append((part.name, part.address, told, pid))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print(
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    if "worker" in running.parts:
        print(f"\n{runtimes_of(environment)}")
    if "prefect" in running.parts and "prefect" not in running.own:
        pages = environment["PREFECT_API_URL"].removesuffix("/api")
        print(f"\nPrefect's pages: sign in at {pages}/login with all of PREFECT_API_AUTH_STRING.")
        print(f"It is in {folder / 'env'}.")
    return 0 if all(told == "healthy" for told in healths) else 1


def runtimes_of(environment: Environment) -> str:
    """Return a sentence on the versions of scikit-learn that serve models on this machine."""
    folder = Path(environment.values.get("RUNTIMES_DIR") or environment.folder / "runtimes")
    offers = runtimes.offers(folder)
    own = " (the product's own)"
    here = [f"{one.minor}{own if one.is_default else ''}" for one in offers if one.is_here]
    broken = [
        f"scikit-learn {one.minor} cannot be used. {one.problem}"
        for one in offers
        if not one.is_here and (folder / one.minor).exists()
    ]
    return "\n".join([f"Models are served by scikit-learn {', '.join(here)}.", *broken])


def health(part: Part, running: Record) -> str:
    """Return `healthy`, or why not."""
    process = running.processes.get(part.name)
    if not part.is_own and process is None:
        return "not started yet"
    if process and not process.identity.is_alive():
        return "ended; it will be started again"
    try:
        part.check()
    except NotHealthyError as error:
        return str(error)
    return "healthy"
