"""Models as other versions of Python and its libraries wrote them, with the answers that they gave
there.

``python -m tests.model_host.other_stacks`` writes the corpus with the interpreter that runs
it: every model of ``estimators.py`` and every estimator that scikit-learn lists, by joblib and by
skops, in one file of ``stacks/`` that is named by the versions. An interpreter whose scikit-learn
is older than the one that the product runs writes ``BOOSTED`` alone. It needs no library but
scikit-learn, pandas, joblib and skops.
"""

from __future__ import annotations

import io
import tarfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import scipy
import sklearn
import skops.io
from sklearn import ensemble, linear_model
from skops.io.exceptions import UnsupportedTypeException

STACKS = Path(__file__).parent / "stacks"
_OWN_SERIES = (1, 9)
_ANSWERS = "answers.joblib"


@dataclass(frozen=True)
class Saved:
    """One model's file, a row for it, and what the model that was saved said of the row."""

    name: str
    content: bytes
    row: Any
    answers: list[Any]


def answers(estimator: Any, row: Any) -> list[Any]:
    """Return what the model says of the row: the prediction, and the probabilities where it has
    them."""
    methods = ("predict", "predict_proba")
    return [getattr(estimator, name)(row) for name in methods if hasattr(estimator, name)]


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


def boosted() -> Iterator[tuple[str, Any, Any]]:
    """Yield every loss of boosting and of the linear models that save one, each on three
    columns."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(80, 3))
    amount = rows @ [1.0, 2.0, 3.0]
    above, level = (amount > 0).astype(int), np.digitize(amount, [-1, 1])
    count = np.exp(amount / 5)
    few = {"n_estimators": 3, "random_state": 0}
    soon = {"max_iter": 3, "random_state": 0}
    models: dict[str, tuple[Any, Any]] = {
        "log loss": (ensemble.GradientBoostingClassifier(**few), above),
        "exponential": (ensemble.GradientBoostingClassifier(loss="exponential", **few), above),
        "three classes": (ensemble.GradientBoostingClassifier(**few), level),
        "histogram": (ensemble.HistGradientBoostingClassifier(**soon), above),
        "histogram of three classes": (ensemble.HistGradientBoostingClassifier(**soon), level),
        "poisson": (linear_model.PoissonRegressor(), count),
        "gamma": (linear_model.GammaRegressor(), count),
        "tweedie": (linear_model.TweedieRegressor(power=1.5), count),
        "normal": (linear_model.TweedieRegressor(), count),
    }
    for loss in ("squared_error", "absolute_error", "huber", "quantile"):
        models[loss] = (ensemble.GradientBoostingRegressor(loss=loss, **few), amount)
    for loss in ("squared_error", "absolute_error", "gamma", "poisson", "quantile"):
        only = {"quantile": 0.5} if loss == "quantile" else {}
        boosting = ensemble.HistGradientBoostingRegressor(loss=loss, **only, **soon)
        models[f"histogram of {loss}"] = (boosting, count)
    for loss in ("hinge", "log_loss", "modified_huber", "squared_error", "huber"):
        models[f"gradient descent of {loss}"] = (
            linear_model.SGDClassifier(loss=loss, random_state=0),
            level,
        )
    for name, (model, target) in models.items():
        yield f"boosted, {name}", model.fit(rows, target), rows[:4]


def corpus() -> Iterator[tuple[str, Any, Any]]:
    """Yield each model by name, and a row for it."""
    yield from boosted()
    if tuple(map(int, sklearn.__version__.split(".")[:2])) < _OWN_SERIES:
        return
    from tests.model_host import estimators, every_estimator

    for name in estimators.NAMES:
        model = estimators.specimen(name)
        yield name, model.estimator, model.row
    for name in every_estimator.NAMES:
        if name not in every_estimator.NO_NEW_ROWS:
            model = every_estimator.every(name)
            yield name, model.estimator, model.row


def write() -> Path:
    """Writes the corpus of this interpreter, and returns the file."""
    path = STACKS / (
        f"numpy-{np.__version__}_scipy-{scipy.__version__}_sklearn-{sklearn.__version__}.tar.xz"
    )
    asked: dict[str, tuple[Any, list[Any]]] = {}
    with tarfile.open(path, "w:xz", preset=9) as archive:
        for name, model, row in corpus():
            asked[name] = row, answers(model, row)
            _add(archive, f"{name}.joblib", _joblib(model))
            try:
                _add(archive, f"{name}.skops", skops.io.dumps(model))
            except (AttributeError, TypeError, UnsupportedTypeException) as error:
                print(f"not in skops: {name}: {error}")
        _add(archive, _ANSWERS, _joblib(asked))
    return path


def read(path: Path) -> Iterator[Saved]:
    """Yield the models in a file that ``write`` wrote."""
    with tarfile.open(path) as archive:
        content = {member.name: _bytes(archive, member) for member in archive}
    asked = joblib.load(io.BytesIO(content.pop(_ANSWERS)))
    for file, data in content.items():
        row, said = asked[file.rpartition(".")[0]]
        yield Saved(file, data, row, said)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _bytes(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()


def _joblib(value: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(value, buffer)
    return buffer.getvalue()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(write())
