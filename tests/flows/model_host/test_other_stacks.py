"""Models that other versions of Python and its libraries wrote open here and predict the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.model_host.safe_load import load
from tests.flows.model_host.other_stacks import STACKS, answers, read

FILES = sorted(STACKS.glob("*.tar.xz"))
UNREAD = (b"__randomstate_ctor", b"__generator_ctor")
"""NumPy 1 writes its random generators in a form that is not read here."""


def arrays(answer: Any) -> Iterator[np.ndarray[Any, Any]]:
    """The arrays of an answer, which is a list of them where a model has several outputs."""
    if isinstance(answer, list):
        for one in answer:
            yield from arrays(one)
    else:
        yield np.asarray(answer)


def is_equal(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    """Whether two answers are alike. Linear algebra may differ in the last digits: with the place
    of an array in memory it does so on one and the same machine."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype.kind == "f":
        return np.allclose(one, other, rtol=1e-9, atol=1e-12)
    return bool((one == other).all())


@pytest.mark.parametrize("path", FILES, ids=[path.name.removesuffix(".tar.xz") for path in FILES])
def test_a_model_of_another_stack_opens_and_predicts_the_same(path: Path) -> None:
    differing = []
    opened = 0
    for saved in read(path):
        if path.name.startswith("numpy-1.") and any(name in saved.content for name in UNREAD):
            continue
        answer = answers(load(saved.content, "joblib").estimator, saved.row)
        pairs = zip(arrays(answer), arrays(saved.answers), strict=True)
        differing += [] if all(is_equal(*pair) for pair in pairs) else [saved.name]
        opened += 1

    assert differing == []
    assert opened > (600 if "sklearn-1.9" in path.name else 40)


def test_both_stacks_that_the_lock_installs_have_written_the_corpus() -> None:
    """numpy 2.5 and scipy 1.18 need Python 3.12. Where a lock brings others, each of its
    interpreters writes the corpus anew: ``python -m tests.flows.model_host.other_stacks``."""
    lock = (Path(__file__).parents[3] / "requirements.txt").read_text().splitlines()
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
