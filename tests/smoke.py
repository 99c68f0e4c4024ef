"""The product on every other supported Python of this machine: `make smoke`.

For each of them: a clone of what is committed, in a fresh folder, with an environment of its own
from wheels alone and no compiler on the PATH; `manage.py up`; one prediction of each demo model,
which must equal scikit-learn's own; the model host's tests; `manage.py down`. What was not found is
said. The exit code is 1 where one of them failed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MINORS = (11, 12, 13)
KEPT = re.compile(
    "HOME|LANG|LC_ALL|TERM|TMPDIR|CI|FAIL_ON_SKIP|(PIP|NPM|SSL|NODE_EXTRA|REQUESTS|OPENBLAS)_.*"
    "|HTTPS?_PROXY|NO_PROXY",
    re.IGNORECASE,
)
"""The variables that the other interpreter inherits: access to the registries, and the locale."""
COMPILERS = re.compile(r"(.*-)?(cc|c\+\+|gcc|g\+\+|cpp|clang|clang\+\+|cargo|rustc)(-[\d.]+)?")


def main() -> int:
    failed = []
    for minor in MINORS:
        if minor == sys.version_info.minor:
            continue
        python = next(interpreters(minor), None)
        if python is None:
            print(f"Python 3.{minor}: not on this machine, not tried", flush=True)
        elif not works_on(python):
            failed.append(f"3.{minor}")
    if failed:
        print(f"Failed on Python {', '.join(failed)}")
    return int(bool(failed))


def interpreters(minor: int) -> Iterator[str]:
    """Yield the Pythons 3.`minor` of the PATH and of pyenv that can make an environment."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [shutil.which(f"python3.{minor}"), *map(str, pyenv.glob(f"3.{minor}.*/bin/python3"))]
    asks = f"import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, {minor}))"
    for python in filter(None, found):
        if not subprocess.run([python, "-c", asks], capture_output=True).returncode:
            yield python


def works_on(python: str) -> bool:
    """Return whether everything holds with this Python; says each step and how long it took."""
    version = subprocess.check_output([python, "--version"], text=True).strip()
    print(f"{version}: {python}", flush=True)
    with tempfile.TemporaryDirectory(prefix="smoke-") as folder:
        Path(folder).chmod(0o711)  # root's PostgreSQL runs as another account
        clone, programs = Path(folder) / "clone", Path(folder) / "programs"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        link_all_but_compilers(programs)
        environment = {
            **{name: value for name, value in os.environ.items() if KEPT.fullmatch(name)},
            "PATH": str(programs),
            "STACK_DIR": str(clone / ".stack"),
        }
        installed = [python, "-I", "config/packages/install.py", "--named", "development", "pages"]
        own = ".venv/bin/python"
        steps: dict[str, Sequence[str]] = {
            "installed": installed,
            "ready": [own, "manage.py", "up", "--detach"],
            "predicts as scikit-learn": [own, "-m", "tests.smoke", "predictions"],
            "model host's tests": [own, "-m", "pytest", "-q", "-n", "2", "tests/model_host"],
        }
        try:
            return all(did(name, step, clone, environment) for name, step in steps.items())
        finally:
            did("stopped", [own, "manage.py", "down"], clone, environment)


def link_all_but_compilers(folder: Path) -> None:
    """A folder that is the whole PATH, without a compiler."""
    folder.mkdir()
    for place in os.environ["PATH"].split(":"):
        for program in Path(place).glob("*") if place else ():
            link = folder / program.name
            if not link.exists() and not COMPILERS.fullmatch(program.name):
                link.symlink_to(program)


def did(name: str, step: Sequence[str], folder: Path, environment: Mapping[str, str]) -> bool:
    began = time.monotonic()
    done = subprocess.run(
        step, cwd=folder, env=environment, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    seconds = time.monotonic() - began
    if done.returncode:
        print(done.stdout[-6000:])
    last = (done.stdout.strip().splitlines() or [""])[-1][:120]
    print(
        f"  {'FAILED: ' if done.returncode else ''}{name} after {seconds:.0f} s: {last}", flush=True
    )
    return not done.returncode


def compare_predictions() -> int:
    """Predict with each demo model on the running stack and beside it, in this interpreter."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    import joblib
    import pandas as pd

    from config.management.commands.seed_demo import MODELS

    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "config.demo.train", folder], check=True)
        for name, (title, _, inputs) in MODELS.items():
            model = joblib.load(Path(folder) / f"{name}.joblib")
            row = pd.DataFrame([inputs]).astype(
                {key: "float" for key, value in inputs.items() if value is None}
            )
            told = json.loads(
                subprocess.check_output(
                    [
                        sys.executable, "manage.py", "predict", title, "--by", "user@example.com",
                        "--json", "--inputs", json.dumps(inputs),
                    ]
                )
            )  # fmt: skip
            if hasattr(model, "predict_proba"):
                classes = map(str, model.classes_)
                expected = dict(zip(classes, model.predict_proba(row)[0], strict=True))
                assert told["probabilities"] == expected, (title, told["probabilities"], expected)
            else:
                expected = model.predict(row)[0]
                assert told["prediction"] == expected, (title, told["prediction"], expected)
    print(f"{len(MODELS)} demo models predict as scikit-learn does")
    return 0


if __name__ == "__main__":
    sys.exit(compare_predictions() if sys.argv[1:] == ["predictions"] else main())
