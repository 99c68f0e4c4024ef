"""One runtime, tried from end to end: ``python -m model_host.trying PYTHON`` prints a ``Tried`` as
JSON.

The runtime's own library fits a small model and predicts with it; the model host, on the same
runtime, tests its sandbox, opens the file and must give the same number.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from model_host.client import ModelHost
from model_host.processes.handles import ENVIRONMENT
from model_host.protocol.artifact import Artifact, Limits
from model_host.protocol.errors import HostError
from model_host.protocol.inputs import Column, InputLayout, Kind, Scalar

_ROW: dict[str, Scalar] = {"age": 41.0, "colour": "red"}
_FIT = """
import sys
import joblib, pandas
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
rows = pandas.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "colour": ["red", "blue"] * 2})
columns = ColumnTransformer(
    [("n", StandardScaler(), ["age"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["colour"])])
model = make_pipeline(columns, LogisticRegression()).fit(rows, [0, 0, 1, 1])
joblib.dump(model, sys.argv[1])
row = pandas.DataFrame({"age": [41.0], "colour": ["red"]})
print(repr(float(model.predict_proba(row).max())))
"""


@dataclass(frozen=True)
class Tried:
    """What the trial found. ``fault``: why no model of this runtime can be served, or "".
    ``libraries``: the versions that ran. ``cold`` and ``missing``: what a warm-up could not do, and
    the known types that the libraries lack."""

    fault: str = ""
    libraries: tuple[tuple[str, str], ...] = ()
    cold: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def tried(python: str) -> Tried:
    """Try the runtime of the interpreter ``python``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.joblib"
        done = subprocess.run(
            [python, "-I", "-c", _FIT, str(path)], env=ENVIRONMENT, capture_output=True, text=True
        )
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it said nothing"]
            return Tried(fault=f"Its libraries do not run: {said[-1]}")
        expected = float(done.stdout)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        columns = (Column("age", Kind.FLOAT), Column("colour", Kind.CHOICE))
        try:
            with ModelHost(
                python=python, max_children=1, max_memory_bytes=2**30, children_per_model=1
            ) as host:
                answer = host.predict(
                    Artifact(digest, path, "joblib"), InputLayout("frame", columns), _ROW, Limits()
                )
                libraries = tuple(sorted(host.libraries_running.items()))
                cold, missing = host.cold, host.self_test.missing
        except HostError as error:
            return Tried(fault=error.message)
    (target,) = answer.targets
    fault = (
        ""
        if target.confidence == expected
        else (f"It predicts {target.confidence} where its own library says {expected}.")
    )
    return Tried(fault, libraries, cold, missing)


if __name__ == "__main__":
    print(json.dumps(asdict(tried(sys.argv[1]))))
