"""The locks of the runtimes in `model_host/runtimes/`: `make lock` runs it after its own.

A runtime serves models of one minor version of scikit-learn: its last patch, with the NumPy, SciPy,
pandas, joblib and threadpoolctl that were the newest a month after it came out. What reads files
and serves no numbers (skops, lz4 and what they need) is the newest. There is a lock for each
interpreter for which all of them have wheels, and one file serves x86_64 and aarch64.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "model_host" / "runtimes"
MINORS = {
    "1.2": "2023-04-02",
    "1.3": "2023-11-23",
    "1.4": "2024-05-09",
    "1.5": "2024-10-11",
    "1.6": "2025-02-10",
    "1.7": "2025-10-09",
    "1.8": "2026-01-10",
}
"""The minor versions and the days up to which their libraries are taken."""

NEWEST = "2026-11-01"
"""The same day for the packages whose numbers no model sees."""

INTERPRETERS = ("3.11", "3.12", "3.13")
MACHINES = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28")
OF_THE_TIME = ("numpy", "scipy", "pandas", "joblib", "threadpoolctl")
NEEDED = (*OF_THE_TIME, "skops", "lz4")
ALLOWED = {
    "scikit-learn", *NEEDED, "packaging", "prettytable", "python-dateutil", "pytz", "tabulate",
    "tzdata", "wcwidth",
}  # fmt: skip
"""What stands in a lock. What else a package wants (skops 0.11 downloads models) is imported by
nobody here."""


def main(words: list[str]) -> int:
    """Write the lock of every runtime that there can be. `--upgrade`: with newer versions."""
    for minor in MINORS:
        for interpreter in INTERPRETERS:
            lock = FOLDER / f"scikit-learn-{minor}-py{interpreter.replace('.', '')}.txt"
            texts = {compiled(minor, interpreter, machine, lock, words) for machine in MACHINES}
            if len(texts) > 1:
                print(f"{lock.name}: {' and '.join(MACHINES)} resolve to different versions")
                return 1
            if text := texts.pop():
                lock.write_text(text)
            else:
                lock.unlink(missing_ok=True)
                print(f"{lock.name}: there are no wheels")
    return 0


def compiled(minor: str, interpreter: str, machine: str, lock: Path, words: list[str]) -> str:
    """Return the lock as uv writes it, or "" where a package has no wheel."""
    newest = [f"--exclude-newer-package={name}={MINORS[minor]}" for name in OF_THE_TIME]
    kept = [f"--constraint={lock}"] if lock.exists() and "--upgrade" not in words else []
    command = [
        str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--no-config",
        "--only-binary", ":all:", "--generate-hashes", "--no-emit-index-url", "--no-header",
        "--no-annotate", "--python-version", interpreter, "--python-platform", machine,
        "--exclude-newer", NEWEST, *newest, *kept, "-",
    ]  # fmt: skip
    asked = "\n".join((f"scikit-learn=={minor}.*", *NEEDED))
    done = subprocess.run(command, input=asked, capture_output=True, text=True, env=os.environ)
    if done.returncode and "no usable wheels" in done.stderr:
        return ""
    if done.returncode:
        raise SystemExit(f"{lock.name}: {done.stderr.strip()}")
    parts = re.split(r"^(?=\w)", done.stdout, flags=re.MULTILINE)
    return "".join(part for part in parts if part.partition("==")[0] in ALLOWED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
