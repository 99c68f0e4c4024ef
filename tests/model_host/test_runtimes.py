"""The model host on the libraries of other versions of scikit-learn.

`make test` tries the runtime of 1.5 beside the product's own; `make runtimes`, which sets
ALL_RUNTIMES, tries every one that this interpreter can have.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from model_host.answering.many_rows.row_by_row import PRODUCTS
from model_host.client import ModelHost
from model_host.locked import lockdown
from model_host.protocol.artifact import Artifact, Limits
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Column, InputLayout
from model_host.protocol.outputs import Outputs
from model_host.trying import tried
from tests.model_host import by_version, escape_attempts
from tests.model_host.runtime import EVERY, OTHERS, pytest_in_runtime, python_of, run_in
from tests.model_host.test_lockdown import OTHERWISE, REFUSED

LEAST_KINDS = 26
HOSTILE = "tests/model_host/test_hostile_files.py"
BENT = "tests/model_host/test_bent_models.py"
MANY_ROWS = "tests/model_host/test_many_rows.py"
MULTIPLIES = "test_a_linear_model_multiplies_many_rows_as_it_multiplies_each_alone"
ALL_BENT_SINCE = (1, 5)
"""Before, scikit-learn has not all the kinds of model that are bent there."""
_PREDICTS = """
import json, sys
from tests.model_host.estimators import NAMES, specimen
from model_host.loading.safe_load import load
from tests.model_host.other_stacks import _joblib, answers, arrays, is_equal
different, made = [], 0
for name in NAMES:
    try:
        one = specimen(name)
    except (AttributeError, ValueError):
        continue  # this version cannot make it
    made += 1
    opened = load(_joblib(one.estimator), "joblib").estimator
    pairs = zip(answers(opened, one.row), answers(one.estimator, one.row))
    alike = (is_equal(a, b) for pair in pairs for a, b in zip(*map(arrays, pair), strict=True))
    different += [] if all(alike) else [name]
print(json.dumps([made, different]))
"""
_LISTED = """
import json
import sklearn.experimental.enable_halving_search_cv, sklearn.experimental.enable_iterative_imputer
from sklearn.utils import all_estimators
from model_host.loading.allow_list import ENTRIES, preload
from tests.model_host.public_functions import ruled
every = {(kind.__module__, name) for name, kind in all_estimators()}
unlisted = sorted(every - ENTRIES.keys())
listed = {
    pair for pair, role in ENTRIES.items()
    if role == "VALUE" and pair[0].startswith(("sklearn.metrics", "sklearn.preprocessing"))
}
functions = {pair for pair in ruled() if pair[0].startswith("sklearn.")}
print(json.dumps([preload(), unlisted, sorted(functions - ENTRIES.keys())]))
"""


@pytest.fixture(scope="module", params=EVERY)
def minor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def host(minor: str) -> Iterator[ModelHost]:
    with ModelHost(
        python=python_of(minor), max_children=2, max_memory_bytes=2**31, children_per_model=1
    ) as host:
        yield host


@pytest.fixture(scope="module")
def corpus(minor: str) -> Path:
    """The models that this minor version saved."""
    (found,) = by_version.VERSIONS.glob(f"scikit-learn-{minor}.*.tar.xz")
    return found


@pytest.fixture(scope="module")
def own_answers(minor: str, corpus: Path) -> dict[str, list[dict[str, Any]]]:
    """What the runtime's library says of its own models, opened by its own loaders."""
    done = run_in(minor, "-m", "tests.model_host.by_version", "answers", str(corpus))
    assert done.returncode == 0, done.stderr
    told: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return told


@pytest.fixture
def file(tmp_path: Path) -> Callable[[by_version.Saved], Artifact]:
    def write(saved: by_version.Saved) -> Artifact:
        path = tmp_path / saved.format
        path.write_bytes(saved.content)
        return Artifact(hashlib.sha256(saved.content).hexdigest(), path, saved.format)  # type: ignore[arg-type]

    return write


def layout_of(saved: by_version.Saved) -> InputLayout:
    may_be_missing = saved.container == "frame"
    return InputLayout(
        saved.container,  # type: ignore[arg-type]
        tuple(
            Column(name, kind, may_be_missing=may_be_missing and kind == "float")  # type: ignore[arg-type]
            for name, kind in saved.columns.items()
        ),
    )


def first_row(answer: Any) -> list[Any]:
    """The one row's answers, one for each target."""
    return answer[0] if isinstance(answer[0], list) else answer[:1]


def is_what(outputs: Outputs, said: dict[str, Any]) -> bool:
    """Whether the host's answer is the library's to the last bit: predictions and probabilities."""
    if [target.value for target in outputs.targets] != first_row(said["predict"]):
        return False
    of_several = said.get("predict_proba", [])
    if len(outputs.targets) == 1:
        of_several = [of_several]
    by_target = [one[0] for one in of_several if one and isinstance(one[0], list)]
    told = [[one.probability for one in target.probabilities] for target in outputs.targets]
    return all(mine == its for mine, its in zip(told, by_target, strict=False) if mine)


def test_every_kind_opens_in_its_own_runtime_and_predicts_what_its_own_library_does(
    host: ModelHost,
    corpus: Path,
    own_answers: dict[str, list[dict[str, Any]]],
    file: Callable[[by_version.Saved], Artifact],
) -> None:
    kinds, different = set(), []
    for saved in by_version.read(corpus):
        if saved.refused:
            continue
        answers = (own_answers.get(f"{saved.kind}.{name}") for name in (saved.format, "joblib"))
        if (said := next(filter(None, answers), None)) is None:
            continue
        artifact, layout = file(saved), layout_of(saved)
        for row, its in zip(saved.rows, said, strict=True):
            if not is_what(host.predict(artifact, layout, row, Limits()), its):
                different.append((saved.kind, saved.format))
        kinds.add(saved.kind)

    assert different == []
    assert len(kinds) >= LEAST_KINDS


def test_what_a_version_answered_when_it_saved_its_models_is_what_it_answers_now(
    corpus: Path, own_answers: dict[str, list[dict[str, Any]]]
) -> None:
    """Up to the last digits, which the processor may change."""
    for saved in by_version.read(corpus):
        now = own_answers.get(f"{saved.kind}.{saved.format}")
        assert now is None or now == approximately(saved.answers), saved.kind


def approximately(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: approximately(one) for name, one in value.items()}
    if isinstance(value, list):
        return [approximately(one) for one in value]
    return pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value


def test_every_kind_is_examined_in_its_own_runtime(
    host: ModelHost, corpus: Path, file: Callable[[by_version.Saved], Artifact]
) -> None:
    """The examination finds the inputs' names and the version that saved the file."""
    for saved in by_version.read(corpus):
        if saved.format != "joblib":
            continue
        _, found = host.examine(file(saved), Limits())
        assert [one.name for one in found.features] == list(
            saved.columns if saved.container == "frame" else [one.name for one in found.features]
        )
        assert found.libraries_trained["scikit-learn"] == found.libraries_running["scikit-learn"]
        assert found.trial_failure is None


def test_a_runtime_is_warm_whole_and_locked(minor: str, host: ModelHost) -> None:
    assert host.cold == ()
    assert host.self_test.passed
    assert host.self_test.missing == ()
    assert host.libraries_running["scikit-learn"].startswith(f"{minor}.")


def test_a_runtime_is_tried_from_end_to_end(minor: str) -> None:
    found = tried(python_of(minor))

    assert found.fault == ""
    assert dict(found.libraries)["scikit-learn"].startswith(f"{minor}.")


def test_a_python_without_the_libraries_is_no_runtime(tmp_path: Path) -> None:
    subprocess.run([python_of(EVERY[-1]), "-m", "venv", "--without-pip", tmp_path], check=True)

    found = tried(str(tmp_path / "bin" / "python"))

    assert "No module named" in found.fault


def test_a_runtime_whose_libraries_are_gone_says_to_add_it_again(tmp_path: Path) -> None:
    place = tmp_path / "1.5"
    subprocess.run([python_of(EVERY[-1]), "-m", "venv", "--without-pip", place], check=True)
    (place / "runtime.json").write_text("{}")

    with pytest.raises(HostError, match=r"add it again \(manage\.py runtime add 1\.5\)"):
        ModelHost(
            python=str(place / "bin" / "python"),
            max_children=1,
            max_memory_bytes=2**30,
            children_per_model=1,
        ).start()


@pytest.mark.parametrize("minor", OTHERS)
def test_the_list_of_known_types_fits_the_library_of_a_runtime(minor: str) -> None:
    """Everything that the list names is there, and every estimator and function that the rules let
    onto it is on it."""
    done = run_in(minor, "-c", _LISTED)
    assert done.returncode == 0, done.stderr

    assert json.loads(done.stdout) == [[], [], []]


@pytest.mark.parametrize("minor", OTHERS)
def test_the_models_of_the_tests_open_and_predict_the_same_with_the_libraries_of_a_runtime(
    minor: str,
) -> None:
    done = run_in(minor, "-c", _PREDICTS)
    assert done.returncode == 0, done.stderr
    count, different = json.loads(done.stdout)

    assert different == []
    assert count > 100


@pytest.mark.parametrize("minor", OTHERS)
def test_every_hostile_file_is_refused_with_the_libraries_of_a_runtime(minor: str) -> None:
    passed = pytest_in_runtime(minor, HOSTILE)

    assert int(passed.split()[0]) > 100


@pytest.mark.parametrize(
    "minor", [one for one in OTHERS if tuple(map(int, one.split("."))) >= ALL_BENT_SINCE]
)
def test_every_bent_model_is_refused_with_the_libraries_of_a_runtime(minor: str) -> None:
    """What compiled code takes on trust differs by version: the parameter `probability` of a
    support vector machine, before scikit-learn 1.9."""
    passed = pytest_in_runtime(minor, BENT)

    assert int(passed.split()[0]) > 60


@pytest.mark.parametrize("minor", OTHERS)
def test_a_linear_model_answers_many_rows_as_each_alone_with_the_libraries_of_a_runtime(
    minor: str,
) -> None:
    passed = pytest_in_runtime(minor, f"{MANY_ROWS}::{MULTIPLIES}")

    assert int(passed.split()[0]) == 3 * len(PRODUCTS)


@pytest.mark.parametrize("minor", OTHERS)
def test_no_attempt_escapes_from_a_locked_process_of_a_runtime(minor: str, tmp_path: Path) -> None:
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o777)
    (tmp_path / "canary").write_text("canary")
    (tmp_path / "canary").chmod(0o666)
    package = Path(lockdown.__file__).parents[1]
    done = subprocess.run(
        [python_of(minor), "-I", escape_attempts.__file__, str(package), str(tmp_path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    outcomes = json.loads(done.stdout)
    modes = ["locked", *(["locked user"] if os.geteuid() == 0 else [])]

    escaped = [
        (attempt, mode, found[mode])
        for attempt, found in outcomes.items()
        for mode in modes
        if found[mode] not in OTHERWISE.get(attempt, REFUSED)
    ]
    assert escaped == []
    assert len(outcomes) > 90
