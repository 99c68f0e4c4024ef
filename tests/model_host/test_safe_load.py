"""The loader's messages about bad files, and its reports on good ones."""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import pickle
import sys
import tarfile
import types
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import skops.io
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import DBSCAN
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    LabelEncoder,
    OneHotEncoder,
    StandardScaler,
)

from model_host.loading.file_formats import describe, detect_compression, detect_format
from model_host.loading.safe_load import load
from model_host.protocol.artifact import TypeName
from model_host.protocol.errors import HostError
from tests.model_host.estimators import amounts, numbers, specimen


def dumped(model: Any, compress: Any = 0) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(model, buffer, compress=compress)
    return buffer.getvalue()


def refusal_of(data: bytes, approved: frozenset[TypeName] = frozenset()) -> HostError:
    with pytest.raises(HostError) as caught:
        load(data, "joblib", approved=approved)
    assert caught.value.code == "LOAD"
    return caught.value


class AddRatios(TransformerMixin, BaseEstimator):
    """A step that somebody wrote next to the training."""

    def fit(self, X: Any, y: Any = None) -> AddRatios:
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        return np.column_stack([X, np.ones(len(X))])


@pytest.fixture
def ratios() -> Iterator[types.ModuleType]:
    """Yield an importable module that holds ``AddRatios``, as an admin would install it."""
    module = types.ModuleType("ratios")
    module.AddRatios = AddRatios  # type: ignore[attr-defined]
    before = AddRatios.__module__
    AddRatios.__module__ = "ratios"
    sys.modules["ratios"] = module
    yield module
    AddRatios.__module__ = before
    del sys.modules["ratios"]


def with_ratios() -> bytes:
    model = make_pipeline(AddRatios(), LinearRegression()).fit(numbers(), amounts())
    return pickle.dumps(model, 4)


# Types that are not known


@pytest.mark.usefixtures("ratios")
def test_a_class_of_the_training_script_gets_the_way_out() -> None:
    data = with_ratios().replace(b"\x8c\x06ratios", b"\x8c\x08__main__")

    error = refusal_of(data)

    assert error.message == (
        "The file needs `__main__.AddRatios`, which this server does not have. Define it in an "
        "importable module, install that module on the worker, and save the model again."
    )
    assert error.refused == (("__main__", "AddRatios"),)


@pytest.mark.usefixtures("ratios")
def test_a_class_of_a_module_that_is_not_on_the_list_is_named() -> None:
    error = refusal_of(with_ratios())

    assert error.message == (
        "The file names `ratios.AddRatios`, which is not on the list of known types."
    )
    assert error.refused == (("ratios", "AddRatios"),)


@pytest.mark.parametrize(
    "method",
    [methodcaller("fillna", value=0), methodcaller("to_dict", orient="records")],
    ids=["fillna", "to_dict"],
)
def test_a_method_with_keywords_is_no_damage_and_gets_the_way_out(method: Any) -> None:
    model = make_pipeline(FunctionTransformer(method), LinearRegression())

    assert refusal_of(pickle.dumps(model)).message == (
        "The file has an `operator.methodcaller` with keywords, which are not taken. Give the "
        "method its values without their names: methodcaller('fillna', 0), not "
        "methodcaller('fillna', value=0). Then train and save the model again."
    )
    in_order = FunctionTransformer(methodcaller("fillna", 0))
    load(pickle.dumps(make_pipeline(in_order, MODEL)), "pickle")


def test_an_array_as_a_keyword_is_no_damage_and_gets_the_way_out() -> None:
    least = np.array([0.0, 1.0])
    in_partial = FunctionTransformer(partial(np.clip, a_min=least, a_max=9))

    assert refusal_of(pickle.dumps(make_pipeline(in_partial, MODEL))).message == (
        "The file gives an array to a function by `functools.partial`, which takes plain values "
        "and lists here. Give it as a list (array.tolist()), or as kw_args of the "
        "FunctionTransformer, then train and save the model again."
    )
    for way_out in (
        FunctionTransformer(partial(np.clip, a_min=least.tolist(), a_max=9)),
        FunctionTransformer(np.clip, kw_args={"a_min": least, "a_max": 9}),
    ):
        load(pickle.dumps(make_pipeline(way_out, MODEL)), "pickle")


def test_a_search_that_kept_no_model_says_so() -> None:
    search = GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2, refit=False)

    message = refusal_of(pickle.dumps(search.fit(NUMBERS, ANSWERS))).message

    assert message.startswith("The file holds a GridSearchCV, which cannot predict.")
    assert "(refit=False): search with refit=True" in message


@pytest.mark.usefixtures("ratios")
def test_an_approved_class_opens_for_this_file() -> None:
    loaded = load(with_ratios(), "pickle", approved=frozenset({("ratios", "AddRatios")}))

    assert loaded.estimator.predict(numbers()[:1]).shape == (1,)
    assert ("ratios", "AddRatios") in loaded.types


def test_an_approved_class_that_is_not_installed_is_named() -> None:
    data = pickle.dumps(specimen("ridge").estimator, 4).replace(
        b"\x8c\x1bsklearn.linear_model._ridge\x94", b"\x8c\x06absent\x94"
    )

    error = refusal_of(data, frozenset({("absent", "Ridge")}))

    assert error.message == (
        "The file needs `absent.Ridge`, which this server does not have. "
        "Install it on the worker, or save the model again with the versions used here."
    )
    assert error.refused == error.absent == (("absent", "Ridge"),)


def test_approval_of_one_name_is_no_approval_of_another() -> None:
    data = pickle.dumps(specimen("ridge").estimator, 4).replace(
        b"\x8c\x1bsklearn.linear_model._ridge\x94", b"\x8c\x06absent\x94"
    )

    error = refusal_of(data, frozenset({("absent", "Lasso")}))

    assert error.refused == (("absent", "Ridge"),)


@pytest.mark.usefixtures("ratios")
def test_an_unknown_class_in_a_skops_file_is_named_and_can_be_approved() -> None:
    model = make_pipeline(AddRatios(), LinearRegression()).fit(numbers(), amounts())
    data = skops.io.dumps(model)

    assert refusal_of(data).refused == (("ratios", "AddRatios"),)
    loaded = load(data, "skops", approved=frozenset({("ratios", "AddRatios")}))
    assert loaded.estimator.predict(numbers()[:1]).shape == (1,)


def test_many_unknown_names_are_listed_and_counted() -> None:
    data = b"\x80\x02]" + b"".join(f"cpackage\nName{n}\na".encode() for n in range(300)) + b"."

    error = refusal_of(data)

    assert "`package.Name0`, `package.Name1`" in error.message
    assert "295 more" in error.message
    assert len(error.refused) == 100


def test_a_name_cannot_smuggle_control_characters_into_a_sentence() -> None:
    name = "\x1b[2J‮evil".encode()
    data = b"\x80\x04\x8c\x01a\x8c" + bytes([len(name)]) + name + b"\x93."

    assert refusal_of(data).message.isascii()
    assert "\x1b" not in refusal_of(data).message


# What the file holds


def test_an_estimator_that_cannot_predict_is_named() -> None:
    error = refusal_of(dumped(StandardScaler().fit(numbers())))

    assert error.message == (
        "The file holds a StandardScaler, which cannot predict. It prepares rows for a model: put "
        "both into one Pipeline, make_pipeline(preprocessor, model), and save that."
    )


def test_a_pipeline_that_cannot_predict_is_named_with_its_end() -> None:
    error = refusal_of(dumped(make_pipeline(StandardScaler()).fit(numbers())))

    assert error.message.startswith(
        "The file holds a Pipeline that ends in a StandardScaler, which cannot predict. "
    )


@pytest.mark.parametrize(
    "model", [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())]
)
def test_an_estimator_that_was_never_fitted_is_named(model: Any) -> None:
    assert refusal_of(dumped(model)).message == (
        f"The file holds a {type(model).__name__} that was never fitted. "
        "Call fit, then save it again."
    )


@pytest.mark.parametrize(
    ("root", "sentence"),
    [
        (
            LabelEncoder().fit(["no", "yes"]),
            "turns the labels of a target into numbers: upload the model, and give the labels (no, "
            "yes) on the version's page or as target.labels in the training configuration.",
        ),
        (DBSCAN().fit([[1.0]]), "sorts the rows that it was fitted on; for new rows train a model"),
        (NearestNeighbors().fit([[1.0]]), "cannot predict. Save the fitted model that predicts."),
    ],
)
def test_what_cannot_predict_is_told_what_it_is_for(root: Any, sentence: str) -> None:
    assert sentence in refusal_of(dumped(root)).message


@pytest.mark.parametrize(
    ("packed", "kind"), [({}, "a dict"), ([], "a list"), (np.zeros(3), "an ndarray")]
)
def test_what_is_no_model_is_named(packed: Any, kind: str) -> None:
    assert refusal_of(dumped(packed)).message == (
        f"The file holds {kind}, not a model. Save the fitted model itself with "
        "joblib.dump(model, 'model.joblib')."
    )


def test_a_model_that_was_pickled_twice_is_told_so() -> None:
    assert "the model was pickled twice" in refusal_of(pickle.dumps(pickle.dumps(MODEL))).message


@pytest.mark.parametrize(
    ("packed", "sentence"),
    [
        (LogisticRegression, "holds `LogisticRegression` itself, not a fitted model made with it."),
        ({"class": LogisticRegression, "m": 1}, "The file holds a dict, not a model. Save the"),
    ],
)
def test_a_class_in_place_of_a_model_is_no_damage(packed: Any, sentence: str) -> None:
    assert sentence in refusal_of(dumped(packed)).message


def test_a_table_is_named_and_not_its_parts() -> None:
    data = dumped(pd.DataFrame({"age": [1, 2], "city": ["Oslo", "Lund"]}))

    assert refusal_of(data).message.startswith("The file holds a DataFrame, not a model.")


def test_a_dict_with_a_model_in_it_gets_the_way_out() -> None:
    packed = {"trained": "2026-05-01", "model": specimen("ridge").estimator}

    assert refusal_of(dumped(packed)).message == (
        'The file holds a dict, not a model: a Ridge at saved["model"]. Save the Ridge by itself: '
        "joblib.dump(saved[\"model\"], 'model.joblib'). (saved is that dict.)"
    )


# Files that hold a model in parts

PEOPLE = pd.DataFrame(
    {
        "age": np.arange(20, 60),
        "income": np.linspace(20_000, 90_000, 40),
        "city": ["Oslo", "Bergen", "Lund", "Oslo"] * 10,
        "job": ["clerk", "smith"] * 20,
    }
)
ANSWERS = np.arange(40) % 3 % 2
NUMBERS = PEOPLE[["age", "income"]]
SCALER = StandardScaler().fit(NUMBERS)
MODEL = LogisticRegression().fit(SCALER.transform(NUMBERS), ANSWERS)
PCA_OF_ONE = PCA(1).fit(SCALER.transform(NUMBERS))
OF_PCA = LogisticRegression().fit(PCA_OF_ONE.transform(SCALER.transform(NUMBERS)), ANSWERS)


@pytest.mark.parametrize(
    ("saved", "line"),
    [
        ({"model": MODEL, "scaler": SCALER}, 'make_pipeline(saved["scaler"], saved["model"])'),
        ((MODEL, SCALER), "make_pipeline(saved[1], saved[0])"),
        ([("s", SCALER), ("m", MODEL)], "make_pipeline(saved[0][1], saved[1][1])"),
        (
            {"run": {"m": OF_PCA, "reducer": PCA_OF_ONE, "s": SCALER}, "at": 1},
            'make_pipeline(saved["run"]["s"], saved["run"]["reducer"], saved["run"]["m"])',
        ),
    ],
    ids=["dict", "tuple", "steps", "nested"],
)
@pytest.mark.parametrize("write", [dumped, skops.io.dumps], ids=["joblib", "skops"])
def test_the_line_that_joins_the_parts_answers_as_they_did(
    saved: Any, line: str, write: Callable[[Any], bytes]
) -> None:
    message = refusal_of(write(saved)).message

    joined = eval(line, {"make_pipeline": make_pipeline, "saved": saved})
    served = load(dumped(joined), "joblib").estimator
    rows = SCALER.transform(NUMBERS)
    own = OF_PCA.predict(PCA_OF_ONE.transform(rows)) if "run" in saved else MODEL.predict(rows)
    assert f"Pipeline and save that: {line}." in message
    assert np.array_equal(served.predict(NUMBERS), own)


def test_the_parts_are_named_with_their_places() -> None:
    saved = {"model": MODEL, "scaler": SCALER, "columns": ["age", "income"], "accuracy": 0.9}

    assert refusal_of(dumped(saved)).message == (
        'The file holds a dict, not a model: a StandardScaler at saved["scaler"] and a '
        'LogisticRegression at saved["model"]. The model alone would get values that nothing has '
        'prepared. Put both into one Pipeline and save that: make_pipeline(saved["scaler"], '
        'saved["model"]). (saved is that dict.)'
    )


def test_encoders_of_single_columns_become_a_column_transformer() -> None:
    encoders = {name: LabelEncoder().fit(PEOPLE[name]) for name in ("city", "job")}
    rows = PEOPLE.assign(**{name: one.transform(PEOPLE[name]) for name, one in encoders.items()})
    forest = RandomForestClassifier(2, random_state=0).fit(rows.to_numpy(), ANSWERS)
    line = 'make_pipeline(ColumnTransformer([("encoders", OrdinalEncoder(), ["city", "job"])], '

    nested = refusal_of(dumped((forest, encoders))).message
    flat = refusal_of(
        dumped({"clf": forest, "le_city": encoders["city"], "job_encoder": encoders["job"]})
    ).message

    assert f'{line}remainder="passthrough"), saved[0]).fit(X, y).' in nested
    assert f'{line}remainder="passthrough"), saved["clf"]).fit(X, y).' in flat


def test_transformers_of_some_columns_each_become_a_column_transformer() -> None:
    encoder = OneHotEncoder(sparse_output=False).fit(PEOPLE[["city", "job"]])
    rows = np.hstack([encoder.transform(PEOPLE[["city", "job"]]), SCALER.transform(NUMBERS)])
    saved = {"scaler": SCALER, "ohe": encoder, "rf": RandomForestClassifier(2).fit(rows, ANSWERS)}

    assert (
        'make_pipeline(ColumnTransformer([("ohe", saved["ohe"], ["city", "job"]), ("scaler", '
        'saved["scaler"], ["age", "income"])], remainder="passthrough"), saved["rf"]).fit(X, y).'
    ) in refusal_of(dumped(saved)).message


@pytest.mark.parametrize("saved", [("model", "le"), ("model", "le", "scaler")])
def test_an_encoder_of_the_target_is_left_out_of_the_pipeline(saved: tuple[str, ...]) -> None:
    known = {"model": MODEL, "le": LabelEncoder().fit(["no", "yes"]), "scaler": SCALER}
    message = refusal_of(dumped({name: known[name] for name in saved})).message

    assert (
        'The LabelEncoder at saved["le"] belongs to the target: leave it out, and give its labels '
        "(no, yes) on the version's page or as target.labels in the training configuration."
    ) in message
    assert ('make_pipeline(saved["scaler"], saved["model"]).' in message) == ("scaler" in saved)


def test_a_scaler_of_the_target_becomes_a_transformed_target() -> None:
    of_target = StandardScaler().fit(NUMBERS[["income"]])
    model = Ridge().fit(SCALER.transform(NUMBERS), of_target.transform(NUMBERS[["income"]]))

    message = refusal_of(dumped({"m": model, "scaler_x": SCALER, "scaler_y": of_target})).message

    assert 'make_pipeline(saved["scaler_x"], saved["m"]).' in message
    assert 'TransformedTargetRegressor(regressor, transformer=saved["scaler_y"])' in message


def test_what_the_model_alone_would_lose_is_said() -> None:
    saved = {"model": MODEL, "columns": ["age", "income"], "threshold": 0.3}
    message = refusal_of(dumped(saved)).message

    assert 'The threshold at saved["threshold"] is not part of it' in message
    assert 'The model does not know the names at saved["columns"]: give them as features' in message


def test_the_models_of_folds_can_vote() -> None:
    saved = [LogisticRegression().fit(NUMBERS[n::2], ANSWERS[n::2]) for n in range(2)]
    line = (
        'VotingClassifier([("fold0", FrozenEstimator(saved[0])), ("fold1", '
        'FrozenEstimator(saved[1]))], voting="soft").fit(X, y)'
    )

    message = refusal_of(dumped(saved)).message

    names = {"VotingClassifier": VotingClassifier, "FrozenEstimator": FrozenEstimator}
    voted = eval(line, names | {"saved": saved, "X": NUMBERS, "y": ANSWERS})
    served = load(dumped(voted), "joblib").estimator
    mean = np.mean([one.predict_proba(NUMBERS) for one in saved], axis=0)
    assert f"save one of them by itself, saved[0], or all as one: {line}." in message
    assert np.allclose(served.predict_proba(NUMBERS), mean)


def test_models_that_somebody_compared_are_to_be_saved_one_by_one() -> None:
    message = refusal_of(dumped({"ridge": Ridge().fit(NUMBERS, ANSWERS), "logit": MODEL})).message

    assert 'Save the one to be served by itself, for instance saved["ridge"].' in message


def test_a_preparing_part_without_a_model_says_that_the_model_is_missing() -> None:
    message = refusal_of(dumped({"scaler": SCALER, "columns": ["age"]})).message

    assert "is missing" in message
    assert 'make_pipeline(saved["scaler"], model).' in message


@pytest.mark.usefixtures("ratios")
def test_parts_of_an_unknown_type_do_not_hide_that_the_model_is_split() -> None:
    """No approval would make one model of them."""
    saved = {"model": MODEL, "scaler": SCALER, "prepare": AddRatios(), "train": PEOPLE}
    error = refusal_of(dumped(saved))

    assert error.refused == ()
    assert '`ratios.AddRatios` at saved["prepare"]' in error.message
    assert "make_pipeline(" in error.message


class Bundle:
    """Keeps parts together, as an object of the training script."""

    def __init__(self, **parts: Any) -> None:
        vars(self).update(parts)


class Pair(NamedTuple):
    model: Any
    scaler: Any


@pytest.mark.parametrize(
    ("holder", "line"),
    [
        (Bundle(model=MODEL, scaler=SCALER, at=1), "make_pipeline(saved.scaler, saved.model)."),
        (Pair(MODEL, SCALER), "make_pipeline(saved[1], saved[0])."),
        (types.SimpleNamespace(m=MODEL, s=SCALER), "make_pipeline(saved.s, saved.m)."),
    ],
    ids=["object", "named tuple", "namespace"],
)
def test_an_object_that_only_keeps_the_parts_together_is_told_how_to_go_without_it(
    holder: Any, line: str
) -> None:
    data = pickle.dumps(holder, 2).replace(__name__.encode(), b"__main__")

    message = refusal_of(data).message

    assert "If it only keeps its parts together, it need not be in the file:" in message
    assert line in message


def test_a_table_beside_the_parts_is_no_damage() -> None:
    message = refusal_of(dumped({"model": MODEL, "scaler": SCALER, "train": PEOPLE})).message

    assert 'make_pipeline(saved["scaler"], saved["model"]).' in message


def test_dumps_one_after_the_other_are_counted_and_joined() -> None:
    """Neither is damaged: pickle.load reads the first and stops."""
    message = refusal_of(pickle.dumps(MODEL) + pickle.dumps(SCALER)).message

    assert message == (
        "The file holds two objects one after the other (LogisticRegression, then StandardScaler): "
        "a StandardScaler at saved[1] and a LogisticRegression at saved[0]. The model alone would "
        "get values that nothing has prepared. Put both into one Pipeline and save that: "
        "make_pipeline(saved[1], saved[0]). (saved is the list of them: [pickle.load(file) for _ "
        "in range(2)].)"
    )
    assert refusal_of(dumped(MODEL) + dumped(SCALER)).message == message.replace(
        "[pickle.load(file) for _ in range(2)]",
        "as they were dumped",  # joblib.load begins anew
    )


# Bytes that are no model


MODEL_FILE = pickle.dumps(MODEL)


def zipped(*names: str, content: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        folder = tarfile.TarInfo("out")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        member = tarfile.TarInfo("out/model.pkl")
        member.size = len(MODEL_FILE)
        archive.addfile(member, io.BytesIO(MODEL_FILE))
    return buffer.getvalue()


UNPACK = "Unpack it and upload that."
SERVED = "Only fitted scikit-learn models"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty. Save the model again:"),
        (b"\x00\x01 nothing known", "is not a joblib, pickle or skops file. Save the fitted model"),
        (b"age,income\n1,2\n", "is a table of data (CSV). Save the fitted model"),
        (b'{"model": 1}', "is JSON text. Save the fitted model"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1234567\n",
            "is a Git LFS pointer, not the file itself. Run git lfs pull where it was cloned, then",
        ),
        (b"\xef\xbb\xbfversion https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (b"/annex/objects/SHA256E-s1--a.pkl\n", "is a git-annex pointer, not the file itself. Run"),
        (b"../.git/annex/objects/a/SHA256E-s1--a.pkl", "is a git-annex pointer"),
        (b"outs:\n- md5: ab\n  path: model.pkl\n", "is a DVC file, which only names"),
        (b"md5: ab\ndeps:\n- path: a\nouts:\n- path: m.pkl\n", "is a DVC file, which only names"),
        (b"../models/model.pkl", "is the path of another file, as git writes a link."),
        (b"\n<!DOCTYPE html><html>", "is a web page, saved instead of the file. Download the file"),
        (b"404: Not Found", "is the answer of a server that did not give the file."),
        (b'{"error":"Repository not found"}', "is the answer of a server that did not give"),
        (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied', "is the answer of a server"),
        (b'<?xml version="1.0"?>\n<PMML version="4.4">', "is a PMML model. It is not served here"),
        (b'{\n "cells": []}', "is a Jupyter notebook. Run it"),
        (b'"""Train."""\nimport numpy as np\n', "is the text of a Python program. Run it"),
        (b"artifact_path: model\nflavors:\n", "is the description of an MLflow model. Upload the"),
        (b"\x08\x0a\x12\x08skl2onnx\x1a\x04", "is an ONNX model. It is not served here"),
        (
            b"\x08\x01\x12\xb9\x04\x0a\x90",
            f"is a TensorFlow SavedModel or a Core ML model. {SERVED}",
        ),
        (b"\x1c\0\0\0TFL3", f"is a TensorFlow Lite model. {SERVED}"),
        (b'{"learner":{"attributes":{}}}', "is a model in XGBoost’s own format. Save the fitted"),
        (b'{"version":[3,0,0],"learner":{}}', "is a model in XGBoost’s own format."),
        (b"{L\0\0\0\0\0\0\0\x07learner{", "is a model in XGBoost’s own format."),
        (b"tree\nversion=v4\n", "is a model in LightGBM’s own format."),
        (b"CBM1\0\0", "is a model in CatBoost’s own format."),
        (
            b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.",
            f"torch.save writes it. {SERVED}",
        ),
        (b'\x40\0\0\0\0\0\0\0{"a":{}}', "is a safetensors file."),
        (b"X\n\0\0\0\x03\0\x04", "is R data (.rds or .RData)."),
        (gzip.compress(b"X\n\0\0\0\x03\0\x04"), "What the gzip file holds is R data"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 90, f"is an HDF5 file, as Keras writes it. {SERVED}"),
        (b"\x89PNG\r\n\x1a\n", "is a PNG picture."),
        (b"\x7fELF" + b"\0" * 90, "is a program."),
        (b"PAR1\x15\x04", "is a Parquet table."),
        (b"7z\xbc\xaf\x27\x1c\0\4", "is a 7-Zip archive. Unpack it and upload the model file"),
        (b"Rar!\x1a\x07\x01\0", "is a RAR archive. Unpack it"),
        (b"\x28\xb5\x2f\xfd\x04", "is compressed with Zstandard. Unpack it"),
        (b"PK\x05\x06" + b"\0" * 18, "is an empty zip archive."),
        (base64.b64encode(MODEL_FILE), "is the base64 text of a model file. Decode it"),
        (base64.encodebytes(gzip.compress(MODEL_FILE)), "is the base64 text of a model file."),
        (MODEL_FILE.hex().encode(), "is the hexadecimal text of a model file. Decode it"),
        (repr(MODEL_FILE).encode(), "is the text of a pickle’s bytes. Upload the bytes"),
        (MODEL_FILE.decode("latin-1").encode(), "is a pickle that was saved or sent as text"),
        (
            MODEL_FILE.decode(errors="replace").encode(),
            "is a pickle that was saved or sent as text",
        ),
        *(
            (pickle.dumps(packed, protocol), "is a pickle of protocol 0 or 1, which is not read")
            for protocol in (0, 1)
            for packed in (LinearRegression(), {"model": MODEL}, [MODEL], (MODEL, 1))
        ),
        (gzip.compress(pickle.dumps(MODEL, 0)), "gzip file holds is a pickle of protocol 0 or 1"),
        (b"\x80\x02}q\x00U\x05modelq\x01U\x01xq\x02s.", "was written by Python 2, whose texts"),
        (b"\x80\x04\x8c\x01aQ.", "keeps parts of the object outside of it, which models do"),
        (zipped("model.pkl"), f"is a zip archive with model.pkl in it. {UNPACK}"),
        (
            zipped("a/model.pkl", "a/scaler.joblib", "README.md", "__MACOSX/a/._model.pkl"),
            "is a zip archive with a/model.pkl and a/scaler.joblib in it. Unpack it and upload the "
            "model; if another file prepares rows for it, put both into one Pipeline first",
        ),
        (zipped("a.txt", "b.csv"), "with a.txt and b.csv in it, and no file of joblib, pickle"),
        (zipped("config.json", "model.weights.h5"), f"is a Keras model. {SERVED}"),
        (
            zipped("m/data.pkl", "m/version", "m/data/0"),
            f"torch.save writes it. {SERVED}",
        ),
        (tarred("w"), f"is a tar archive with out/model.pkl in it. {UNPACK}"),
        (
            tarred("w:gz"),
            f"What the gzip file holds is a tar archive with out/model.pkl in it. {UNPACK}",
        ),
        (tarred("w:xz"), "What the xz file holds is a tar archive with out/model.pkl in it."),
        (gzip.compress(b"age,income\n1,2\n"), "What the gzip file holds is a table of data (CSV)."),
        (gzip.compress(gzip.compress(MODEL_FILE)), "is packed twice: a model file was compressed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_no_model_is_named_with_the_way_out(content: bytes, sentence: str) -> None:
    message = refusal_of(content).message

    assert sentence in message
    assert "damaged" not in message


def test_a_zip_archive_with_a_password_is_no_damage() -> None:
    data = bytearray(zipped("schema.json"))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1

    assert "is an encrypted zip archive. Unpack it" in refusal_of(bytes(data)).message


def test_a_name_in_an_archive_cannot_smuggle_control_characters_into_a_sentence() -> None:
    assert refusal_of(zipped("\x1b[2J\u202emodel.pkl")).message.isascii()


def test_a_skops_file_of_another_protocol_names_both_versions() -> None:
    schema = {"protocol": 7, "_skops_version": "0.99.0", "__loader__": "ObjectNode"}

    assert refusal_of(zipped("schema.json", content=json.dumps(schema).encode())).message == (
        "The file was written by skops 0.99.0, whose format is not read here; the formats of skops "
        "0.1 to 0.16 are. Save the model again with one of these, or with "
        "joblib.dump(model, 'model.joblib')."
    )


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "cloudpickle.cloudpickle\n_make_function",
            "cloudpickle, which writes the code of functions",
        ),
        (
            "joblib.externals.cloudpickle.cloudpickle\n_make_skeleton_class",
            "cloudpickle, which writes",
        ),
        ("dill._dill\n_create_function", "dill, which writes the code of functions, lambdas and"),
        ("dill._dill\n_create_array", "dill, which writes values in a way of its own"),
        ("joblib.numpy_pickle\nNDArrayWrapper", "joblib before 0.10 (it names"),
    ],
)
def test_what_other_picklers_write_is_named_with_the_way_out(name: str, sentence: str) -> None:
    error = refusal_of(f"c{name}\n.".join(("\x80\x02", "")).encode("latin-1"))

    assert f"The file was saved with {sentence}" in error.message
    assert error.refused == (tuple(name.split("\n")),)


@pytest.mark.parametrize(
    "compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lz4", 3)]
)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_told(compress: Any, kept: float) -> None:
    data = dumped(specimen("random forest").estimator, compress)

    assert refusal_of(data[: int(len(data) * kept)]).message == (
        "The file ends in the middle: it is cut off or damaged. Upload it again."
    )


def test_a_skops_file_that_was_cut_off_is_told() -> None:
    data = skops.io.dumps(specimen("ridge").estimator)

    assert "cut off or damaged" in refusal_of(data[: len(data) // 2]).message


def test_bytes_after_the_model_are_refused() -> None:
    for data in (dumped(specimen("ridge").estimator), dumped(specimen("ridge").estimator, 3)):
        assert "more bytes follow the model" in refusal_of(data + b"x").message
    assert "more bytes follow the model" in refusal_of(data + data).message  # two streams


def test_an_archive_that_skops_did_not_write_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", np.zeros(3))

    error = refusal_of((tmp_path / "arrays.npz").read_bytes())

    assert "is a NumPy file of arrays (.npz). Save the fitted model" in error.message


def test_a_damaged_file_never_escapes_as_another_error() -> None:
    """Every single byte of a small model changed in turn: it opens, or it is refused."""
    data = pickle.dumps(specimen("nearest neighbours, k-d tree").estimator, 4)
    rng = np.random.default_rng(0)
    for position in range(0, len(data), 3):
        broken = bytearray(data)
        broken[position] ^= int(rng.integers(1, 256))
        with contextlib.suppress(HostError):
            load(bytes(broken), "pickle")


# Versions


def of_version(version: bytes, model: str = "decision tree") -> bytes:
    own = sklearn.__version__.encode()
    data = pickle.dumps(specimen(model).estimator, 4)
    return data.replace(
        bytes([len(own)]) + own + b"\x94", bytes([len(version)]) + version + b"\x94"
    )


def test_the_version_that_the_file_records_is_reported() -> None:
    assert load(of_version(b"1.7.2"), "pickle").libraries == {"scikit-learn": "1.7.2"}
    assert load(of_version(b"0.24.1"), "pickle").libraries == {"scikit-learn": "0.24.1"}


def test_a_file_of_another_version_that_does_not_open_names_both() -> None:
    """Before scikit-learn 1.3 the nodes of a tree had one field fewer."""
    data = of_version(b"1.2.2").replace(b"missing_go_to_left", b"something_elsewhat")

    assert refusal_of(data).message == (
        f"The file was saved with scikit-learn 1.2.2 and does not open with {sklearn.__version__}, "
        "which runs here. Train the model again with scikit-learn 1.9 and save it."
    )


def test_a_type_that_moved_since_is_told_with_the_versions() -> None:
    data = of_version(b"0.21.3").replace(
        b"\x8c\x15sklearn.tree._classes", b"\x8c\x11sklearn.tree.tree"
    )

    error = refusal_of(data)

    assert error.refused == error.absent == (("sklearn.tree.tree", "DecisionTreeClassifier"),)
    assert error.message == (
        "The file was saved with scikit-learn 0.21.3 and names "
        f"`sklearn.tree.tree.DecisionTreeClassifier`, which scikit-learn {sklearn.__version__} on "
        "this server does not have. Train the model again with scikit-learn 1.9 and save it."
    )


def test_boosting_with_a_loss_that_scikit_learn_has_no_more_is_to_be_trained_again() -> None:
    """1.7 saves a loss under the name of its compiled file, which nothing here can import."""
    data = of_version(b"1.7.2", "gradient boosting regressor").replace(
        b"\x8c\x13sklearn._loss._loss\x94\x8c\x0bCyHuberLoss",
        b"\x8c\x05_loss\x94\x8c\x0bCyLogitLoss",
    )

    error = refusal_of(data)

    assert error.absent == (("_loss", "CyLogitLoss"),)
    assert error.message == (
        "The file was saved with scikit-learn 1.7.2 and names `_loss.CyLogitLoss`, which "
        f"scikit-learn {sklearn.__version__} on this server does not have. Train the model again "
        "with scikit-learn 1.9 and save it."
    )


def test_a_type_of_scikit_learn_that_is_here_and_not_listed_is_not_blamed_on_the_version() -> None:
    data = of_version(b"1.7.2").replace(
        b"\x8c\x16DecisionTreeClassifier", b"\x8c\x10BaseDecisionTree"
    )

    error = refusal_of(data)

    assert (error.refused, error.absent) == ((("sklearn.tree._classes", "BaseDecisionTree"),), ())
    assert "which is not on the list of known types" in error.message


def test_a_file_of_another_version_that_was_cut_off_is_told_so() -> None:
    data = of_version(b"1.2.2")

    assert "cut off" in refusal_of(data[:-30]).message


def test_an_old_version_does_not_excuse_a_foreign_name() -> None:
    data = of_version(b"0.21.3").replace(b"\x8c\x15sklearn.tree._classes", b"\x8c\x05posix")

    assert refusal_of(data).message == (
        "The file names `posix.DecisionTreeClassifier`, which is not on the list of known types."
    )


# The report and the formats


def test_the_types_are_those_that_the_file_names_sorted() -> None:
    loaded = load(pickle.dumps(specimen("linear regression on arrays").estimator, 2), "pickle")

    assert loaded.types == (
        ("_codecs", "encode"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("sklearn.linear_model._base", "LinearRegression"),
    )


def test_the_bytes_count_and_not_the_name_that_was_claimed() -> None:
    data = skops.io.dumps(specimen("ridge").estimator)

    assert type(load(memoryview(data), "pickle").estimator).__name__ == "Ridge"
    assert type(load(memoryview(dumped(specimen("ridge").estimator)), "skops").estimator).__name__


def test_every_format_is_known_by_its_first_bytes() -> None:
    model = specimen("ridge").estimator

    assert detect_format(dumped(model)[:4096]) == "joblib"
    assert detect_format(pickle.dumps(model)[:4096]) == "pickle"
    assert detect_format(skops.io.dumps(model)[:4096]) == "skops"
    for name in ("zlib", "gzip", "bz2", "xz", "lzma", "lz4"):
        head = dumped(model, (name, 3))[:4096]
        assert detect_format(head) == "joblib"
        assert detect_compression(head) == name
    assert detect_format(b"age,income") is None
    assert describe(b"%PDF-1.7").startswith("is a PDF document. Save the fitted model")
