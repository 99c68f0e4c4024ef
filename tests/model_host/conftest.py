"""The model host in these tests: real processes, and models that misbehave on request."""

import hashlib
import site
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import pytest

from model_host.client import ModelHost
from model_host.protocol.artifact import Artifact
from model_host.protocol.inputs import Column, InputLayout, Kind

FOREIGN = Path(__file__).parent / "foreign"
APPROVED = frozenset(
    ("misbehaving", name) for name in ("Does", "LoadsBadly", "Remembers", "RemembersInSecret")
)


@pytest.fixture(scope="session")
def one_number() -> InputLayout:
    return InputLayout("array", (Column("x0", Kind.FLOAT),))


@pytest.fixture(scope="session")
def foreign_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an interpreter with everything of ours, in which somebody has installed
    ``misbehaving``."""
    return python_with(tmp_path_factory.mktemp("foreign"), FOREIGN)


@pytest.fixture(scope="session")
def threaded_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an interpreter with everything of ours, in which something starts a thread at once."""
    home = tmp_path_factory.mktemp("threaded")
    (home / "sitecustomize.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    return python_with(home, home)


def python_with(home: Path, packages: Path) -> str:
    """Return a virtual environment in ``home`` that sees our own packages and those in
    ``packages``."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    installed = home / "lib" / version / "site-packages"
    installed.mkdir(parents=True)
    (home / "bin").mkdir()
    (home / "bin/python").symlink_to(Path(sys.executable).resolve())
    (home / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    folders = [str(packages), *site.getsitepackages()]
    (installed / "also.pth").write_text("\n".join(folders) + "\n")
    return str(home / "bin/python")


@pytest.fixture(scope="module")
def host(foreign_python: str) -> Iterator[ModelHost]:
    with ModelHost(
        python=foreign_python, max_children=2, max_memory_bytes=2**31, children_per_model=2
    ) as host:
        yield host


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Artifact]:
    """Makes the file of a model that does ``what`` when it is asked to predict."""
    monkeypatch.syspath_prepend(FOREIGN)
    import misbehaving  # type: ignore[import-not-found]

    def make(what: str, *, kind: str = "Does", **parameters: Any) -> Artifact:
        path = tmp_path / f"{what}{len(list(tmp_path.iterdir()))}.joblib"
        joblib.dump(getattr(misbehaving, kind)(what, **parameters).fit(), path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return Artifact(digest, path, "joblib", APPROVED)

    return make
