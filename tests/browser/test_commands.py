"""Commands for scripts on the running product: publish a model, predict with it."""

import json
import re
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.browser.conftest import Site
from tests.clocks import until


def test_status_shows_every_part_healthy(site: Site) -> None:
    until(lambda: site.manage("status").returncode == 0, "every part to answer", pause=1.0)
    status = site.manage("status")
    table, _, beside = status.stdout.partition("\n\n")
    parts = {line.split()[0] for line in table.splitlines()[1:]}
    assert "PREFECT_API_AUTH_STRING" in beside
    assert parts == {"postgres", "prefect", "redis", "s3", "web", "celery", "worker"}


def wine() -> tuple[Any, dict[str, float]]:
    data = load_wine(as_frame=True)
    model = RandomForestClassifier(30, random_state=1).fit(data.data, data.target)
    return model, data.data.iloc[100].to_dict()


def mixed() -> tuple[Any, dict[str, Any]]:
    frame = pd.DataFrame(
        {
            "city": ["Oslo", "Bern", "Oslo", "Rome", "Bern", "Rome"],
            "is_new": [True, False, True, False, True, False],
            "size": [10.5, None, 12.0, 30.25, 8.0, 22.0],
        }
    )
    columns = make_column_transformer(
        (OneHotEncoder(), ["city", "is_new"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["size"]),
    )
    model = make_pipeline(columns, LinearRegression()).fit(frame, [1.5, 2.5, 1.0, 7.0, 2.0, 6.0])
    return model, {"city": "Rome", "is_new": True, "size": None}


@pytest.mark.parametrize("build", [wine, mixed])
def test_scripts_publish_and_predict_as_scikit_learn_does(
    site: Site, tmp_path: Path, build: Any
) -> None:
    model, inputs = build()
    file = tmp_path / "model.joblib"
    joblib.dump(model, file, compress=("lz4", 1))
    name = f"Scripted {build.__name__}"
    test = json.dumps(inputs)
    published = site.manage(
        "publish_model", str(file), "--model", name, "--by", "admin@example.com",
        "--test", test, "--promote", "--json",
    )  # fmt: skip
    publication = json.loads(published.stdout)
    assert (published.returncode, publication["status"]) == (0, "active"), published.stdout
    predicted = site.manage(
        "predict", publication["model"], "--inputs", test, "--by", "user@example.com", "--json"
    )
    answer = json.loads(predicted.stdout)
    assert predicted.returncode == 0, predicted.stdout
    row = pd.DataFrame([inputs])
    model.set_params(**({"n_jobs": 1} if "n_jobs" in model.get_params() else {}))
    assert answer["prediction"] == model.predict(row)[0]
    if build is wine:
        assert list(answer["probabilities"].values()) == model.predict_proba(row)[0].tolist()
        assert answer["confidence"] == max(model.predict_proba(row)[0])
    assert re.fullmatch(r"[0-9a-f-]{36}", answer["flow_run_id"])
    assert answer["time_to_result_ms"] > 0


def test_scripts_predict_for_rows_as_tables_have_them(site: Site, tmp_path: Path) -> None:
    """A value that the encoder was told to take, dates, an empty category, an identifier beyond
    2**53, a flag, and a column that the model does not use."""
    count, first = 240, 1234567890123456788
    frame = pd.DataFrame(
        {
            "row": range(count),
            "city": ["Oslo", "Bergen", "Lund"] * (count // 3),
            "month": list(pd.date_range("2026-01-01", periods=4, freq="MS")) * (count // 4),
            "store": [first, first + 1] * (count // 2),
            "cabin": ["", "A", " ", "B", "A", ""] * (count // 6),
            "is_new": [True, False, False] * (count // 3),
        }
    )
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city", "month"]),
        (OneHotEncoder(), ["store", "cabin"]),
        ("passthrough", ["is_new"]),
    )
    answers = [number % 7 for number in range(count)]
    model = make_pipeline(columns, LinearRegression()).fit(frame, answers)
    joblib.dump(model, tmp_path / "model.joblib")
    rows = [frame[n : n + 1].assign(city=city) for n, city in ((0, "Oslo"), (1, "Stavanger"))]
    given = [{**row.iloc[0].to_dict(), "month": row["month"].iloc[0].isoformat()} for row in rows]
    published = site.manage(
        "publish_model", str(tmp_path / "model.joblib"), "--model", "Tables", "--by",
        "admin@example.com", "--test", json.dumps(given[0]), "--promote", "--json",
    )  # fmt: skip
    assert published.returncode == 0, published.stdout
    for row, inputs in zip(rows, given, strict=True):
        predicted = site.manage(
            "predict", "Tables", "--inputs", json.dumps(inputs), "--by", "user@example.com",
            "--json",
        )  # fmt: skip
        answer = json.loads(predicted.stdout)
        assert predicted.returncode == 0, predicted.stdout
        assert answer["prediction"] == pytest.approx(model.predict(row)[0], rel=1e-9)
    assert "not trained with “Stavanger”" in answer["warnings"][0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("predict nothing --inputs {} --by user@example.com", "No live model"),
        ("predict iris-species --inputs { --by user@example.com", "not valid JSON"),
        ("predict iris-species --inputs {} --by user@example.com", "value is needed"),
        ("predict iris-species --inputs {} --by nobody@example.com", "No active person"),
        ("publish_model missing.joblib --model X --by admin@example.com", "no file"),
        ("publish_model README.md --model X --by user@example.com", "not an admin"),
    ],
)
def test_scripts_get_a_sentence_and_one_json_object_for_bad_input(
    site: Site, arguments: str, sentence: str
) -> None:
    answer = site.manage(*arguments.split(), "--json")
    assert answer.returncode == 1
    assert sentence in json.loads(answer.stdout)["message"]
    assert "Traceback" not in answer.stderr


def test_a_file_that_is_no_model_leaves_a_draft_that_says_so(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "notes.joblib"
    file.write_text("These are notes.")
    answer = site.manage(
        "publish_model", str(file), "--model", "Notes", "--by", "admin@example.com", "--json"
    )
    refused = json.loads(answer.stdout)
    assert (answer.returncode, refused["status"]) == (1, "refused")
    assert "joblib" in refused["message"]
