"""`python -m tests.model_host.model_files`: which honest files open, what they predict, and how
long it takes.

Every estimator that scikit-learn lists and every model of the tests' corpus is written in each
compressor of joblib, in each pickle protocol from 2 to 5 and in skops, opened by the loader, and
asked for the prediction it gave before. Then cold and warm predictions, in the sandbox and without.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings_for_mypy")

import numpy as np
import pandas as pd

from model_host.answering.prediction import predict
from model_host.client import ModelHost
from model_host.loading.safe_load import load
from model_host.protocol.artifact import Artifact, Limits
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Column, InputLayout, Scalar
from tests.model_host import estimators, every_estimator
from tests.model_host.estimators import Specimen
from tests.model_host.test_corpus import NOT_IN_SKOPS, WRITERS

TIMED = ("ridge", "random forest", "mixed columns, histogram boosting", "neural network")
COLD, WARM = 15, 200


def main() -> int:
    warnings.simplefilter("ignore")
    served = [name for name in every_estimator.NAMES if name not in every_estimator.NO_NEW_ROWS]
    listed = [every_estimator.every(name) for name in served]
    common = [estimators.specimen(name) for name in estimators.NAMES]
    print(f"{len(listed)} estimators of scikit-learn, {len(common)} models of the corpus")
    failed = _open_all([*listed, *common])
    print(
        f"\n{'p50 in ms':36}{'cold':>8}{'warm':>8}{'cold, no sandbox':>20}{'warm, no sandbox':>20}"
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        ModelHost(max_children=2, max_memory_bytes=2**31, children_per_model=1) as host,
    ):
        for name in TIMED:
            timed = _timed(host, Path(folder), name)
            print(f"{name:36}" + "".join(f"{one:12.2f}" for one in timed))
    return failed


def _open_all(models: list[Specimen]) -> int:
    """Prints a line for each format; 1 if anything did not open or predicts otherwise."""
    opened, equal, files = Counter[str](), Counter[str](), Counter[str]()
    for model in models:
        expected = np.asarray(model.estimator.predict(model.row))
        for writer, (format_, write) in WRITERS.items():
            if writer == "skops" and model.name in {"Birch", *NOT_IN_SKOPS}:
                continue
            files[writer] += 1
            try:
                loaded = load(write(model.estimator), format_).estimator
            except HostError as error:
                print(f"{model.name} as {writer}: {error.message}")
                continue
            opened[writer] += 1
            equal[writer] += np.array_equal(np.asarray(loaded.predict(model.row)), expected)
    for writer in WRITERS:
        print(f"{writer:20} {opened[writer]:4} of {files[writer]} open, {equal[writer]} equal")
    print(f"{'together':20} {opened.total()} of {files.total()} open, {equal.total()} equal")
    return int(not files == opened == equal)


def _timed(host: ModelHost, folder: Path, name: str) -> tuple[float, float, float, float]:
    """Return milliseconds, medians: from bytes to the first answer, and of an answer after that."""
    model = estimators.specimen(name)
    data = WRITERS["joblib"][1](model.estimator)
    layout, inputs = _question(model.row)
    cold = []
    for number in range(COLD):
        path = folder / f"{number}.joblib"
        path.write_bytes(data)
        memory = 2**31 + number * 4096  # another limit is another process
        artifact = Artifact(hashlib.sha256(data).hexdigest(), path, "joblib")
        limits = Limits(memory_bytes=memory)
        cold.append(_median(lambda: host.predict(artifact, layout, inputs, limits), 1))  # noqa: B023
    warm = _median(lambda: host.predict(artifact, layout, inputs, limits), WARM)
    bare = _median(lambda: predict(load(data, "joblib").estimator, layout, inputs), COLD)
    estimator = load(data, "joblib").estimator
    return (
        statistics.median(cold),
        warm,
        bare,
        _median(lambda: predict(estimator, layout, inputs), WARM),
    )


def _question(row: pd.DataFrame) -> tuple[InputLayout, dict[str, Scalar]]:
    values = {name: row[name].iloc[0] for name in row.columns}
    plain: dict[str, Scalar] = {
        str(name): value.item() if isinstance(value, np.generic) else value
        for name, value in values.items()
    }
    kinds = {bool: "boolean", int: "integer", float: "float", str: "string", type(None): "string"}
    columns = tuple(
        Column(name, kinds[type(value)], may_be_missing=True)  # type: ignore[arg-type]
        for name, value in plain.items()
    )
    known = {n: None if isinstance(v, float) and np.isnan(v) else v for n, v in plain.items()}
    return InputLayout("frame", columns), known


def _median(ask: Callable[[], object], times: int) -> float:
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        ask()
        spent.append((time.perf_counter() - started) * 1000)
    return statistics.median(spent)


if __name__ == "__main__":
    sys.exit(main())
