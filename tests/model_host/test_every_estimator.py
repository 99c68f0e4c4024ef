"""Every estimator of scikit-learn: it opens without approval, and predicts the same as before.

Each estimator is written in two formats here, in turns, and in skops; `python -m
tests.model_host.model_files` writes each of them in all formats.
"""

from __future__ import annotations

import pickle
from itertools import cycle

import numpy as np
import pytest
import skops.io

from model_host.loading.safe_load import load
from model_host.protocol.errors import HostError
from tests.model_host.every_estimator import NAMES, NO_NEW_ROWS, every
from tests.model_host.test_corpus import WRITERS

NOT_IN_SKOPS = {"Birch"}
"""Estimators that skops itself cannot write."""
_OTHERS = [writer for writer in WRITERS if writer != "skops"]
_TURNS = {
    name: (first, second, *(() if name in NOT_IN_SKOPS else ("skops",)))
    for name, first, second in zip(NAMES, cycle(_OTHERS), cycle(_OTHERS[5:] + _OTHERS[:5]))
}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NO_NEW_ROWS])
def test_an_estimator_of_scikit_learn_opens_and_predicts_the_same(name: str) -> None:
    model, rows = every(name).estimator, every(name).row
    expected = np.asarray(model.predict(rows))

    for writer in _TURNS[name]:
        format_, write = WRITERS[writer]
        answer = np.asarray(load(write(model), format_).estimator.predict(rows))

        assert answer.dtype == expected.dtype, writer
        assert np.array_equal(answer, expected), writer


@pytest.mark.parametrize("name", NO_NEW_ROWS)
def test_what_only_arranges_the_rows_it_has_seen_is_refused_by_its_name(name: str) -> None:
    model = every(name).estimator

    for data in (pickle.dumps(model), skops.io.dumps(model)):
        with pytest.raises(HostError, match=f"holds an? {name}, which cannot predict"):
            load(data, "pickle")


def test_a_pickle_of_protocol_0_or_1_is_told_how_to_be_saved() -> None:
    """Nothing has written them by default since 2009, and they need operations that name what they
    call in other ways; refusing them costs nobody a model."""
    for protocol in (0, 1):
        with pytest.raises(HostError, match=r"joblib\.dump"):
            load(pickle.dumps(every("Ridge").estimator, protocol), "pickle")
