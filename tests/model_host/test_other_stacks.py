"""Models that other versions of Python and its libraries wrote: they open here and predict the
same."""

import json
from pathlib import Path

import numpy as np
import pytest

from model_host.loading.safe_load import load
from tests.model_host import spelled
from tests.model_host.other_stacks import STACKS, answers, arrays, is_equal, read

FILES = sorted(STACKS.glob("*.tar.xz"))
SPELLINGS = sorted(spelled.SPELLINGS.glob("*.tar.xz"))


@pytest.mark.parametrize("path", FILES, ids=[path.name.removesuffix(".tar.xz") for path in FILES])
def test_a_model_of_another_stack_opens_and_predicts_the_same(path: Path) -> None:
    differing = []
    opened = 0
    for saved in read(path):
        answer = answers(load(saved.content, "joblib").estimator, saved.row)
        pairs = zip(arrays(answer), arrays(saved.answers), strict=True)
        differing += [] if all(is_equal(*pair) for pair in pairs) else [saved.name]
        opened += 1

    assert differing == []
    assert opened > (600 if "sklearn-1.9" in path.name else 40)


@pytest.mark.parametrize("path", SPELLINGS, ids=[path.name.split(".tar")[0] for path in SPELLINGS])
def test_a_value_is_the_same_whichever_versions_wrote_it(path: Path) -> None:
    differing = []
    opened = 0
    for one in spelled.read(path):
        model = load(one.content, "joblib").estimator
        if one.is_model:
            is_same = np.allclose(spelled.answers(model), one.expected, rtol=1e-9, atol=1e-12)
        else:
            is_same = json.loads(json.dumps(spelled.described(model.kept_))) == one.expected
        differing += [] if is_same else [one.name]
        opened += 1

    assert differing == []
    assert opened > 100


def test_each_library_wrote_the_values_in_its_oldest_and_its_newest_version() -> None:
    """With and without pyarrow, beside which pandas keeps texts otherwise."""
    for oldest, newest in (
        ("numpy-1.24", "numpy-2.5"),
        ("scipy-1.9", "scipy-1.18"),
        ("pandas-1.5", "pandas-3.1"),
        ("joblib-1.2", "joblib-1.6"),
        ("skops-0.9", "skops-0.16"),
    ):
        for version in (oldest, newest):
            for arrow in ("with", "without"):
                assert list(spelled.SPELLINGS.glob(f"*{version}.*_{arrow}-pyarrow.tar.xz"))


def test_both_stacks_that_the_lock_installs_have_written_the_corpus() -> None:
    """numpy 2.5 and scipy 1.18 need Python 3.12. Where a lock brings others, each of its
    interpreters writes the corpus anew: ``python -m tests.model_host.other_stacks``."""
    lock = (Path(__file__).parents[2] / "requirements.txt").read_text().splitlines()
    pinned: dict[str, list[tuple[str, str]]] = {"numpy": [], "scipy": []}
    for line in lock:
        name, _, rest = line.rstrip("\\ ").partition("==")
        if name in pinned:
            version, _, marker = rest.partition(" ; ")
            pinned[name].append((marker, ".".join(version.split(".")[:2])))
    stacks = [
        f"numpy-{numpy}.*_scipy-{scipy}.*"
        for (one, numpy), (other, scipy) in zip(*map(sorted, pinned.values()), strict=True)
        if one == other
    ]

    assert stacks
    assert [stack for stack in stacks if not list(STACKS.glob(stack))] == []
