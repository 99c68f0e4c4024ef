"""The parts of a file that holds no single model: where each is, and what it does to rows."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer, LabelEncoder, MultiLabelBinarizer

from model_host.loading.reading_state import Absent, in_words

MOST_PARTS = 200
MOST_ORDERED = 5
"""The maximum number of transformers whose orders are all tried."""
LONGEST_KEY = 60
SAVED = "saved"
"""The name of the file's object in sentences."""
OF_LABELS = (LabelEncoder, LabelBinarizer, MultiLabelBinarizer)
_STAGES = (
    ("sklearn.impute", 0),
    ("sklearn.feature_extraction.text.TfidfTransformer", 2),
    ("sklearn.feature_extraction", 1),
    ("sklearn.compose", 1),
    ("sklearn.preprocessing._encoders", 1),
    ("sklearn.preprocessing._target_encoder", 1),
    ("sklearn.preprocessing._polynomial", 3),
    ("sklearn.feature_selection", 5),
    ("sklearn.decomposition", 6),
    ("sklearn.random_projection", 6),
)
"""The order of transformers whose widths do not determine it; others have rank 4."""
_ENCODES = re.compile(r"^(?:le|enc|(?:label_?)?encoder)_|_(?:le|enc|(?:label_?)?encoder)$", re.I)
_OF_TARGET = re.compile(r"(?:^|_)(?:y|target|label|labels|class|classes|output)(?:_|$)", re.I)
_IS_MODEL = re.compile("(?:Classifier|Regressor|Regression|Booster|CatBoost|SVC|SVR)$")
_NO_STEP = re.compile(
    "scor|metric|loss|split|conf|setting|param|meta|info|version|report|log", re.I
)
_OF_LIBRARIES = sys.stdlib_module_names | {"numpy", "pandas", "pyarrow", "scipy"}


class Attribute(str):
    """The key of what an object holds under a name, and not a dict."""

    __slots__ = ()


@dataclass(frozen=True)
class Part:
    """One object of the file: how it is reached, the keys on the way, and what it is."""

    keys: tuple[object, ...]
    value: Any

    @property
    def path(self) -> str:
        """The path of the part as a Python expression: ``saved["encoders"]["city"]``."""
        return SAVED + "".join(
            f".{ascii(key)[1:-1][:LONGEST_KEY]}"
            if isinstance(key, Attribute)
            else f"[{literal(key)}]"
            for key in self.keys
        )

    @property
    def kind(self) -> str:
        kind = self.value.name if isinstance(self.value, Absent) else type(self.value).__name__
        return ascii(kind)[1:-1][:LONGEST_KEY]

    @property
    def name(self) -> str:
        """The last key as a name of a step."""
        key = self.keys[-1]
        return key if isinstance(key, str) else self.kind.lower()

    @property
    def step(self) -> str:
        """The part as an argument of ``make_pipeline(...)``."""
        kind = self.kind.lstrip("_")
        is_function = isinstance(self.value, Absent) and kind[:1].islower() and "class" not in kind
        return f"FunctionTransformer({self.path})" if is_function else self.path

    def __str__(self) -> str:
        if isinstance(self.value, Absent):
            return f"{in_words([(self.value.module, self.value.name)])} at {self.path}"
        return f"{with_article(self.kind)} at {self.path}"


def is_holder(root: object) -> bool:
    """Return whether models are packed into such an object with other things."""
    return isinstance(root, dict | list | tuple)


def state_of(root: Absent) -> Any:
    """Return the contents of an object of an unknown class: its attributes, or the items of a named
    tuple; empty where it holds none."""
    for part in reversed(root.parts):
        if type(part) is dict and all(type(key) is str for key in part):
            return {Attribute(key): value for key, value in part.items()}
        if type(part) is tuple and part:
            return part
    return ()


def parts_of(root: Any) -> Iterator[Part]:
    """Yield the objects in a dict, list or tuple and in those one level below, each object once."""
    seen: set[int] = set()
    for found in _walked(root):
        if len(seen) >= MOST_PARTS:
            return
        if id(found.value) not in seen:
            seen.add(id(found.value))
            yield found


def _walked(root: Any, keys: tuple[object, ...] = ()) -> Iterator[Part]:
    items = root.items() if isinstance(root, dict) else enumerate(root)
    for key, item in items:
        yield Part((*keys, key), item)
        if is_holder(item) and not keys:
            yield from _walked(item, (key,))


def is_model(part: Part, is_checked: bool) -> bool:
    if isinstance(part.value, Absent):
        return _IS_MODEL.search(part.value.name) is not None
    return _has(part.value, "predict", is_checked)


def prepares(value: Any, is_checked: bool) -> bool:
    """Return whether a model may have been trained on its output: of a type that is not known here,
    its name tells."""
    if isinstance(value, Absent):
        is_own = value.module.partition(".")[0] not in _OF_LIBRARIES or value.module == "__main__"
        return is_own and not _NO_STEP.search(value.name)
    # a DataFrame has a `transform`, too
    return _has(value, "transform", is_checked) and hasattr(type(value), "fit")


def _has(value: Any, method: str, is_checked: bool) -> bool:
    return hasattr(type(value), method) and (not is_checked or hasattr(value, method))


def is_of_target(part: Part, models: list[Part], columns: set[str]) -> bool:
    """Return whether it turns the target's labels into the numbers that the model was trained on,
    and not the texts of an input. ``columns``: the names of inputs that the file knows."""
    if not isinstance(part.value, LabelEncoder):
        return isinstance(part.value, LabelBinarizer | MultiLabelBinarizer)
    column = column_of(part)
    if _OF_TARGET.search(column):
        return True
    says_column = len(part.keys) > 1 or column != part.name
    if column in columns or (says_column and not columns):
        return False
    return not models or _numbers_of(part.value, models[0].value)


def _numbers_of(encoder: Any, model: Any) -> bool:
    """Whether the classes of a model are the numbers that an encoder gives."""
    classes, known = (getattr(one, "classes_", None) for one in (model, encoder))
    if not isinstance(classes, np.ndarray) or not isinstance(known, np.ndarray):
        return False
    return np.array_equal(classes, np.arange(len(known)))


def names_of(value: Any) -> list[str]:
    """Return the names in a list of texts, and those that an estimator was fitted on."""
    names = getattr(value, "feature_names_in_", None)
    if isinstance(value, list | tuple):
        names = value
    if names is None or not all(isinstance(name, str) for name in names):
        return []
    return list(names)


def scales_target(part: Part, models: list[Part]) -> bool:
    """Return whether it scales the target of a regression: by its key, with one column."""
    is_named = isinstance(part.keys[-1], str) and _OF_TARGET.search(part.keys[-1])
    return bool(is_named and models and takes(part.value) == 1)


def chain(rows: list[Part], model: Part, is_checked: bool) -> list[Part] | None:
    """Return the transformers in the order in which each gives as many columns as the next takes,
    down to the model. None where no order does, and for encoders that take one column each."""
    if any(isinstance(one.value, LabelEncoder) for one in rows):
        return None
    usual = ordered(rows)
    if not is_checked or len(rows) > MOST_ORDERED:
        return usual
    gives = {id(one): _gives(one.value) for one in rows}
    for order in permutations(usual):
        pairs = zip(order, (*order[1:], model), strict=True)
        if all(_fit(gives[id(one)], takes(other.value)) for one, other in pairs):
            return list(order)
    return None


def _fit(given: int | None, taken: int | None) -> bool:
    return given is None or taken is None or given == taken


def ordered(rows: Sequence[Part]) -> list[Part]:
    return sorted(rows, key=lambda one: _stage(one.value))


def _stage(value: Any) -> int:
    name = f"{type(value).__module__}.{type(value).__name__}"
    return next((stage for prefix, stage in _STAGES if name.startswith(prefix)), 4)


def takes(value: Any) -> int | None:
    width = getattr(value, "n_features_in_", None)
    return int(width) if isinstance(width, int | np.integer) else None


def _gives(value: Any) -> int | None:
    """The number of columns that a transformer returns; None if unknown."""
    try:
        return len(value.get_feature_names_out())
    except Exception:  # whatever a transformer raises that cannot name its columns
        return None


def column_of(part: Part) -> str:
    """Return the column whose texts an encoder turned into numbers, by its key."""
    return _ENCODES.sub("", part.name) or part.name


def literal(key: object) -> str:
    if isinstance(key, str):
        return json.dumps(key[:LONGEST_KEY])
    return ascii(key)[:LONGEST_KEY]


def with_article(kind: str) -> str:
    """Return the class with its article."""
    is_spelt = kind[:2].isupper() and kind[:1] in "FHLMNRSX"  # an SVC, an MLPClassifier
    is_vowel = kind[:1] in "AEIO" and not kind.startswith("One")
    return f"{'an' if is_vowel or is_spelt or kind == 'ndarray' else 'a'} {kind}"
