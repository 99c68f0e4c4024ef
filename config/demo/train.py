"""Trains the demo's models and writes each with its training configuration into a folder, and with
what it answers to the rows that the demo's past is made of.

Run as a process of its own (`python -m config.demo.train FOLDER [--past]`), because nothing else in
the product imports scikit-learn. The iris and diabetes data come with scikit-learn; the loans are
invented.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import BayesianRidge, LogisticRegression
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from model_host.answering.prediction import predict
from model_host.protocol.codec import to_json
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Column, InputLayout, Kind

SEED = 7
ERROR_FIELDS = ("code", "message", "traceback", "input", "step")
GAPPY = {"income", "job_years", "interest_rate"}
"""Inputs that may be left empty."""
PAST_ROWS = {"iris": 160, "diabetes": 100, "loans": 190, "loans_2": 60}
"""How many of the past's predictions each model has answered."""
EMPLOYMENTS = {
    "employed": "Employed",
    "self_employed": "Self-employed",
    "public": "Public service",
    "retired": "Retired",
    "not_working": "Not working",
}
PURPOSES = {
    "car": "Car",
    "debts": "Debt consolidation",
    "education": "Education",
    "home": "Home improvement",
    "other": "Something else",
}
Trained = tuple[Any, dict[str, Any]]


def iris() -> Trained:
    """Train the classifier of three iris species from four lengths."""
    data = load_iris(as_frame=True)
    inputs = data.data.rename(columns=lambda name: name.removesuffix(" (cm)").replace(" ", "_"))
    train, test, y_train, y_test = train_test_split(
        inputs, data.target, test_size=0.3, random_state=SEED, stratify=data.target
    )
    model = RandomForestClassifier(n_estimators=100, random_state=SEED).fit(train, y_train)
    config = {
        "features": [
            number(inputs, name, unit="cm", help=help_text, listed=True)
            for name, help_text in {
                "sepal_length": "The outer leaf, from base to tip",
                "sepal_width": "The outer leaf, at its widest",
                "petal_length": "The inner leaf, from base to tip",
                "petal_width": "The inner leaf, at its widest",
            }.items()
        ],
        "target": {
            "name": "Species",
            "labels": {"0": "Iris setosa", "1": "Iris versicolor", "2": "Iris virginica"},
        },
        "metrics": {"accuracy": round(float(accuracy_score(y_test, model.predict(test))), 3)},
        "data": {"rows": len(inputs), "description": "Fisher's iris flowers, 1936."},
    }
    return model, config


def diabetes() -> Trained:
    """Train the regressor of diabetes progression after a year, which has an interval of its
    own."""
    data = load_diabetes(as_frame=True, scaled=False)
    named = {
        "age": ("Age", "years", ""),
        "sex": ("Sex as coded in the study", "", "1 or 2, as in the published data"),
        "bmi": ("Body mass index", "kg/m²", ""),
        "bp": ("Mean blood pressure", "mmHg", ""),
        "s1": ("Total cholesterol", "mg/dl", ""),
        "s2": ("LDL cholesterol", "mg/dl", ""),
        "s3": ("HDL cholesterol", "mg/dl", ""),
        "s4": ("Total to HDL ratio", "", ""),
        "s5": ("Log of triglycerides", "", "Natural logarithm of mg/dl"),
        "s6": ("Blood sugar", "mg/dl", ""),
    }
    train, test, y_train, y_test = train_test_split(
        data.data, data.target, test_size=0.3, random_state=SEED
    )
    model = make_pipeline(StandardScaler(), BayesianRidge()).fit(train, y_train)
    predicted = model.predict(test)
    config = {
        "features": [
            number(data.data, name, *told, whole=name == "sex", listed=name in {"age", "bmi", "bp"})
            for name, told in named.items()
        ],
        "target": {"name": "Disease progression", "unit": "points"},
        "metrics": {
            "mean absolute error": round(float(mean_absolute_error(y_test, predicted)), 1),
            "R²": round(float(r2_score(y_test, predicted)), 3),
        },
        "data": {"rows": len(data.data), "description": "Efron et al., 442 patients, 2004."},
    }
    return model, config


def loans(*, with_log: bool = False) -> Trained:
    """Train the classifier of loan repayment: categories, booleans, and values that may be
    missing. ``with_log``: its second version, which takes the logarithm of the income and so fails
    for applicants without any."""
    frame, repaid = invent_loans(4000)
    known = ["age", "amount", "missed_payments"]
    gappy = ["job_years", "interest_rate"]
    income = [FunctionTransformer(np.log, feature_names_out="one-to-one")] if with_log else []
    choices = ["employment", "term", "purpose"]
    flags = ["owns_home", "defaulted_before"]
    columns = ColumnTransformer(
        [
            ("known", StandardScaler(), known),
            ("gappy", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), gappy),
            (
                "income",
                make_pipeline(SimpleImputer(strategy="median"), *income, StandardScaler()),
                ["income"],
            ),
            ("choices", OneHotEncoder(handle_unknown="ignore"), choices),
            ("flags", OneHotEncoder(drop="if_binary"), flags),
        ]
    )
    train, test, y_train, y_test = train_test_split(
        frame, repaid, test_size=0.3, random_state=SEED, stratify=repaid
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(train, y_train)
    probability = model.predict_proba(test)[:, 1]
    applicant, loan, history = (
        partial(number, frame, group=group) for group in ("Applicant", "Loan", "Credit history")
    )
    config = {
        "features": [
            applicant("age", unit="years", whole=True, low=18, high=100, listed=True),
            applicant(
                "income", label="Annual income", unit="€", help="Before tax", low=0, listed=True
            ),
            applicant("job_years", label="Time in current job", unit="years", low=0, high=60),
            choice("employment", group="Applicant", is_open=True, labels=EMPLOYMENTS),
            {"name": "owns_home", "label": "Owns a home", "group": "Applicant"},
            loan("amount", unit="€", low=500, high=75_000, listed=True),
            choice("term", group="Loan", labels={"36": "36 months", "60": "60 months"}),
            loan("interest_rate", unit="%", low=0, high=40),
            choice("purpose", group="Loan", labels=PURPOSES),
            history("missed_payments", whole=True, low=0, high=100, help="In the last 24 months"),
            {
                "name": "defaulted_before",
                "group": "Credit history",
                "label": "Has defaulted before",
            },
        ],
        "target": {
            "name": "Repayment",
            "labels": {"False": "Likely to default", "True": "Likely to repay"},
        },
        "metrics": {
            "ROC AUC": round(float(roc_auc_score(y_test, probability)), 3),
            "accuracy": round(float(accuracy_score(y_test, model.predict(test))), 3),
        },
        "data": {
            "rows": len(frame),
            "description": "Invented loans, drawn by a fixed rule with noise.",
        },
    }
    return model, config


def invent_loans(rows: int, seed: int = SEED) -> tuple[pd.DataFrame, Any]:
    """Generate synthetic loans: plausible applicants, and a noisy rule for who repays."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 80, rows).astype(float),
            "income": np.round(random.lognormal(10.6, 0.5, rows), -2),
            "job_years": np.round(random.gamma(2, 2.5, rows), 1),
            "employment": random.choice([*EMPLOYMENTS], rows, p=[0.55, 0.15, 0.12, 0.12, 0.06]),
            "owns_home": random.random(rows) < 0.45,
            "amount": np.round(random.lognormal(9.3, 0.7, rows).clip(500, 75_000), -2),
            "term": random.choice([36, 60], rows, p=[0.65, 0.35]),
            "interest_rate": np.round(random.normal(7.5, 2.2, rows).clip(1.5, 18), 1),
            "purpose": random.choice([*PURPOSES], rows),
            "missed_payments": random.poisson(0.5, rows).astype(float),
            "defaulted_before": random.random(rows) < 0.08,
        }
    )
    burden = frame["amount"] / frame["income"]
    score = (
        2.2
        - 2.0 * burden
        - 0.8 * frame["missed_payments"]
        - 1.4 * frame["defaulted_before"]
        - 0.12 * (frame["interest_rate"] - 7.5)
        + 0.5 * frame["owns_home"]
        - 0.9 * (frame["employment"] == "not_working")
        - 0.3 * (frame["term"] == 60)
        + 0.04 * frame["job_years"]
        + random.normal(0, 0.8, rows)
    )
    for name, share in {"job_years": 0.12, "interest_rate": 0.2, "income": 0.05}.items():
        frame.loc[random.random(rows) < share, name] = np.nan
    return frame, np.asarray(score > 0)


def number(
    frame: pd.DataFrame,
    name: str,
    label: str = "",
    unit: str = "",
    help: str = "",
    *,
    group: str = "",
    low: float | None = None,
    high: float | None = None,
    whole: bool = False,
    listed: bool = False,
) -> dict[str, Any]:
    """Describe one numeric input: hard limits if known, and the trained range from the data."""
    values = frame[name].dropna()
    entry = {
        "name": name,
        "label": label or name.replace("_", " ").capitalize(),
        "unit": unit,
        "description": help,
        "group": group,
        "type": "integer" if whole else "float",
        "min": low,
        "max": high,
        "trained_min": float(values.min()),
        "trained_max": float(values.max()),
        "typical": float(values.median()),
        "listed": listed,
    }
    return {key: value for key, value in entry.items() if value not in (None, "")}


def choice(
    name: str, *, group: str, labels: dict[str, str], is_open: bool = False
) -> dict[str, Any]:
    """Describe one input with its categories; ``is_open`` if the encoder accepts others."""
    return {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "group": group,
        "choices": labels,
        "other_values": is_open,
    }


def past_of(name: str, model: Any) -> list[dict[str, Any]]:
    """Return rows drawn from a model's data, each with what this model answers: ``outputs``, or the
    ``error`` with which it refuses."""
    frame = drawn(name, PAST_ROWS[name])
    kinds = {"b": Kind.BOOLEAN, "i": Kind.INTEGER, "f": Kind.FLOAT}
    columns = tuple(
        Column(str(column), kinds.get(frame[column].dtype.kind, Kind.CHOICE), column in GAPPY)
        for column in frame.columns
    )
    layout = InputLayout("frame", columns)
    past = []
    for values in frame.to_dict("records"):
        inputs = {str(name): None if pd.isna(value) else value for name, value in values.items()}
        try:
            past.append({"inputs": inputs, "outputs": to_json(predict(model, layout, inputs))})
        except HostError as error:
            told = {key: getattr(error, key) for key in ERROR_FIELDS}
            past.append({"inputs": inputs, "error": told})
    return past


def drawn(name: str, rows: int) -> pd.DataFrame:
    """Return rows as people might have typed them: of the data, with a little noise in the iris
    flowers, and new applicants, of whom one in ten has no income where the second version ran."""
    random = np.random.default_rng(SEED + rows)
    if name == "iris":
        flowers = load_iris(as_frame=True).data.sample(rows, replace=True, random_state=SEED)
        columns = [column.removesuffix(" (cm)").replace(" ", "_") for column in flowers]
        noisy = (flowers.to_numpy() + random.normal(0, 0.15, flowers.shape)).clip(0.1)
        return pd.DataFrame(np.round(noisy, 1), columns=columns)
    if name == "diabetes":
        patients = load_diabetes(as_frame=True, scaled=False).data
        return patients.sample(rows, random_state=SEED)
    frame, _ = invent_loans(rows, seed=SEED + rows)
    if name == "loans_2":
        frame.loc[random.random(rows) < 0.1, "income"] = 0.0
    return frame


MODELS: dict[str, Callable[[], Trained]] = {
    "iris": iris,
    "diabetes": diabetes,
    "loans": loans,
    "loans_2": partial(loans, with_log=True),
}


def main(folder: str, *, has_past: bool = False) -> None:
    for name, train in MODELS.items():
        model, config = train()
        joblib.dump(model, Path(folder) / f"{name}.joblib", compress=3)
        past = {"_past": past_of(name, model)} if has_past else {}
        for suffix, content in ({"": config} | past).items():
            file = Path(folder) / f"{name}{suffix}.json"
            file.write_text(json.dumps(content, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main(sys.argv[1], has_past="--past" in sys.argv[2:])
