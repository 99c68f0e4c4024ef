"""Files that hold a model in parts: the sentence that names the parts and the line that joins them.

A model that was fitted on scaled or encoded rows answers wrongly for a person's own values, without
any error, where its scaler or encoder is left behind. So a dict, list or tuple with a model in it
is refused, and the refusal says how the parts become one Pipeline, in terms of that very file.
"""

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

from .allow_list import BOOSTERS
from .reading import Absent, in_words, unknown_types

MOST_PARTS = 200
MOST_NAMED = 6
LONGEST_KEY = 60
MOST_ORDERED = 5
"""All orders of so many transformers are tried."""
SAVED = "saved"
"""What the sentences call the object that the file holds."""

_OF_LABELS = (LabelEncoder, LabelBinarizer, MultiLabelBinarizer)
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
"""Which transformer comes before which, where their widths do not tell; others stand at 4."""
_ENCODES = re.compile(r"^(?:le|enc|(?:label_?)?encoder)_|_(?:le|enc|(?:label_?)?encoder)$", re.I)
_OF_TARGET = re.compile(r"(?:^|_)(?:y|target|label|labels|class|classes|output)(?:_|$)", re.I)
_THRESHOLD = re.compile("thresh|cut_?off", re.I)
_IS_MODEL = re.compile("(?:Classifier|Regressor|Regression|Booster|CatBoost|SVC|SVR)$")
_NO_STEP = re.compile(
    "scor|metric|loss|split|conf|setting|param|meta|info|version|report|log", re.I
)
_ALWAYS_CLOSED = re.compile(r"(?:joblib\.externals\.)?(?:__main__|cloudpickle|dill)\b")
_OF_LIBRARIES = sys.stdlib_module_names | {"numpy", "pandas", "pyarrow", "scipy"}


@dataclass(frozen=True)
class Part:
    """One object of the file: how it is reached, the keys on the way, and what it is."""

    keys: tuple[object, ...]
    value: Any

    @property
    def path(self) -> str:
        """As it is written in Python: ``saved["encoders"]["city"]``."""
        return SAVED + "".join(f"[{_literal(key)}]" for key in self.keys)

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
        """As it stands in ``make_pipeline(...)``."""
        kind = self.kind.lstrip("_")
        is_function = isinstance(self.value, Absent) and kind[:1].islower() and "class" not in kind
        return f"FunctionTransformer({self.path})" if is_function else self.path

    def __str__(self) -> str:
        if isinstance(self.value, Absent):
            return f"{in_words([(self.value.module, self.value.name)])} at {self.path}"
        return f"{_a(self.kind)} at {self.path}"


def is_holder(root: object) -> bool:
    """Whether models are packed into such an object with other things."""
    return isinstance(root, dict | list | tuple)


def refusal_of_parts(root: Any, *, is_checked: bool = True) -> str:
    """Why ``root``, which is no model, is not served, and what to save instead. Not ``is_checked``:
    the file names unknown types, so nothing is asked of its objects but their class; "" then, where
    no model and nothing that prepares rows for one is in it."""
    kind = _a(type(root).__name__)
    if isinstance(root, Absent) and root.name in ("DataFrame", "Series"):
        return _no_model(_a(root.name))
    parts = list(_parts(root)) if is_holder(root) else []
    advice = _advice(parts, is_checked)
    if not advice:
        return _no_model(kind) if is_checked else ""
    return f"The file holds {kind}, not a model: {advice} ({SAVED} is that {type(root).__name__}.)"


def refusal_of_dumps(objects: Sequence[Any]) -> str:
    """The same of a file into which several objects were dumped, one after the other."""
    count = len(objects)
    kinds = ", then ".join(type(one).__name__ for one in objects[:MOST_NAMED])
    advice = _advice(list(_parts(list(objects))), is_checked=True)
    return (
        f"The file holds {'two' if count == 2 else count} objects one after the other ({kinds})"
        + (f": {advice}" if advice else ". Save the fitted model by itself.")
        + f" ({SAVED} is the list of them: [pickle.load(file) for _ in range({count})].)"
    )


def _no_model(kind: str) -> str:
    return (
        f"The file holds {kind}, not a model. Save the fitted model itself with "
        "joblib.dump(model, 'model.joblib')."
    )


def _advice(parts: list[Part], is_checked: bool) -> str:
    """The parts by name, and what to do with them; "" where none has to do with a model."""
    models = [one for one in parts if _is_model(one, is_checked)]
    preparing = [one for one in parts if one not in models and _prepares(one.value, is_checked)]
    found = [*preparing, *models]
    if not (models or any(is_checked or not isinstance(one.value, Absent) for one in preparing)):
        return ""
    says = [f"{_listed(found)}.", *_joined(models, preparing, is_checked)]
    return " ".join([*says, *_lost_otherwise(models, preparing, parts), *_of_unknown(parts)])


def refusal_of_transformer(root: Any) -> str:
    """Why an estimator that cannot predict is not served alone, and what to save instead."""
    says = f"The file holds {_described(root)}, which cannot predict."
    if isinstance(root, _OF_LABELS):
        return (
            f"{says} It turns the labels of a target into numbers: upload the model, and give the "
            f"labels{_labels(root)} on the version's page or as target.labels in the training "
            "configuration."
        )
    if hasattr(root, "transform"):
        return (
            f"{says} It prepares rows for a model: put both into one Pipeline, "
            "make_pipeline(preprocessor, model), and save that."
        )
    if hasattr(root, "fit_predict"):
        return (
            f"{says} It only sorts the rows that it was fitted on; for new rows train a model that "
            "predicts, such as KMeans, or a classifier on the groups it found."
        )
    return f"{says} Save the fitted model that predicts."


def _parts(root: Any, keys: tuple[object, ...] = ()) -> Iterator[Part]:
    """The objects in a dict, list or tuple and in those one level below, each object once."""
    seen: set[int] = set()
    for found in _walked(root, keys):
        if len(seen) >= MOST_PARTS:
            return
        if id(found.value) not in seen:
            seen.add(id(found.value))
            yield found


def _walked(root: Any, keys: tuple[object, ...]) -> Iterator[Part]:
    items = root.items() if isinstance(root, dict) else enumerate(root)
    for key, item in items:
        yield Part((*keys, key), item)
        if is_holder(item) and not keys:
            yield from _walked(item, (key,))


def _is_model(part: Part, is_checked: bool) -> bool:
    if isinstance(part.value, Absent):
        return _IS_MODEL.search(part.value.name) is not None
    return _has(part.value, "predict", is_checked)


def _prepares(value: Any, is_checked: bool) -> bool:
    """Whether a model may have been trained on what it gives: of a type that is not known here, its
    name tells."""
    if isinstance(value, Absent):
        is_own = value.module.partition(".")[0] not in _OF_LIBRARIES or value.module == "__main__"
        return is_own and not _NO_STEP.search(value.name)
    return _has(value, "transform", is_checked) and not isinstance(value, type)


def _has(value: Any, method: str, is_checked: bool) -> bool:
    return hasattr(type(value), method) and (not is_checked or hasattr(value, method))


def _joined(models: list[Part], preparing: list[Part], is_checked: bool) -> Iterator[str]:
    """What to do with the parts: the order, the line to write, and what belongs elsewhere."""
    labels = [one for one in preparing if _is_of_target(one, models, is_checked)]
    of_target = [one for one in preparing if one not in labels and _scales_target(one, models)]
    rows = [one for one in preparing if one not in labels and one not in of_target]
    if not models and rows:
        line = ", ".join([*(one.step for one in _ordered(rows)), "model"])
        yield (
            "The model whose rows are prepared by this is missing. Put all into one Pipeline and "
            f"save that: make_pipeline({line})."
        )
    elif len(models) > 1 and not rows:
        yield _of_several(models)
    elif models and not rows:
        yield f"Save the {models[0].kind} by itself: joblib.dump({models[0].path}, 'model.joblib')."
    elif models and (order := _chain(rows, models[0], is_checked)) is not None:
        line = ", ".join(one.step for one in (*order, models[0]))
        yield (
            f"The model alone would get values that nothing has prepared. Put "
            f"{'both' if len(rows) == 1 and len(models) == 1 else 'them'} into one Pipeline and "
            f"save that: make_pipeline({line})."
        )
        if len(models) > 1:
            yield f"Make one such Pipeline of each of the {len(models)} models."
    elif models:
        yield _by_column(rows, models[0])
    for one in labels:
        yield (
            f"The {one.kind} at {one.path} belongs to the target: leave it out, and give its "
            f"labels{_labels(one.value)} on the version's page or as target.labels in the training "
            "configuration."
        )
    for one in of_target:
        yield (
            f"The {one.kind} at {one.path} belongs to the target: train a "
            f"TransformedTargetRegressor(regressor, transformer={one.path}) as the last step."
        )


def _of_several(models: list[Part]) -> str:
    """Models of the folds of a cross-validation, or models that somebody compared."""
    kinds = {one.kind for one in models}
    if len(kinds) > 1 or any(isinstance(one.value, Absent) for one in models):
        return f"Save the one to be served by itself, for instance {models[0].path}."
    last = models[0].value
    while steps := getattr(last, "steps", None):
        last = steps[-1][1]
    is_classifier = hasattr(last, "classes_") or hasattr(type(last), "predict_proba")
    voting, how = ("VotingRegressor", "")
    if is_classifier:
        voting, how = ("VotingClassifier", ', voting="soft"')
    by_itself = "If they are the models of a cross-validation's folds, save one of them by itself"
    if is_classifier and not all(hasattr(one.value, "predict_proba") for one in models):
        return f"{by_itself}, {models[0].path}."
    listed = ", ".join(
        f'("fold{n}", FrozenEstimator({one.path}))' for n, one in enumerate(models[:2])
    )
    more = ", …" if len(models) > 2 else ""
    return (
        f"{by_itself}, {models[0].path}, or all as one: {voting}([{listed}{more}]{how}).fit(X, y)."
    )


def _by_column(rows: list[Part], model: Part) -> str:
    """Transformers that each take some of the columns become one ColumnTransformer. It must be
    fitted anew: it has its columns in another order than the model was trained on."""
    labels = [one for one in rows if isinstance(one.value, LabelEncoder)]
    steps = [
        f"({_literal(one.name)}, {one.path}, {_columns(one.value)})"
        for one in _ordered(rows)
        if one not in labels
    ][:MOST_NAMED]
    if labels:
        named = ", ".join(_literal(_column(one)) for one in labels[:MOST_NAMED])
        more = ", …" if len(labels) > MOST_NAMED else ""
        steps.insert(0, f'("encoders", OrdinalEncoder(), [{named}{more}])')
    why = (
        "A LabelEncoder in a Pipeline takes no columns, an OrdinalEncoder does. " if labels else ""
    )
    joined = f'ColumnTransformer([{", ".join(steps)}], remainder="passthrough")'
    return (
        "The model alone would get values that nothing has prepared, and these parts take some of "
        f"the columns only. {why}Train them again as one Pipeline and save that: "
        f"make_pipeline({joined}, {model.path}).fit(X, y)."
    )


def _chain(rows: list[Part], model: Part, is_checked: bool) -> list[Part] | None:
    """The transformers in the order in which each gives as many columns as the next takes, down to
    the model. None where no order does, and for encoders that take one column each."""
    if any(isinstance(one.value, LabelEncoder) for one in rows):
        return None
    ordered = _ordered(rows)
    if not is_checked or len(rows) > MOST_ORDERED:
        return ordered
    takes = {id(one): _takes(one.value) for one in (*rows, model)}
    gives = {id(one): _gives(one.value) for one in rows}
    for order in permutations(ordered):
        pairs = zip(order, (*order[1:], model), strict=True)
        if all(
            gives[id(one)] is None or takes[id(other)] is None or gives[id(one)] == takes[id(other)]
            for one, other in pairs
        ):
            return list(order)
    return None


def _ordered(rows: Sequence[Part]) -> list[Part]:
    return sorted(rows, key=lambda one: _stage(one.value))


def _stage(value: Any) -> int:
    name = f"{type(value).__module__}.{type(value).__name__}"
    return next((stage for prefix, stage in _STAGES if name.startswith(prefix)), 4)


def _takes(value: Any) -> int | None:
    width = getattr(value, "n_features_in_", None)
    return int(width) if isinstance(width, int | np.integer) else None


def _gives(value: Any) -> int | None:
    """How many columns a transformer gives; None where it does not say."""
    try:
        return len(value.get_feature_names_out())
    except Exception:  # whatever a transformer raises that cannot name its columns
        return None


def _is_of_target(part: Part, models: list[Part], is_checked: bool) -> bool:
    """Whether it turns the target's labels into the numbers that the model was trained on, and not
    the texts of an input."""
    value = part.value
    if isinstance(value, LabelBinarizer | MultiLabelBinarizer):
        return True
    if not isinstance(value, LabelEncoder):
        return False
    named = part.name
    if _OF_TARGET.search(_ENCODES.sub("", named)):
        return True
    if len(part.keys) > 1 or (isinstance(part.keys[-1], str) and _ENCODES.search(named)):
        stripped = _ENCODES.sub("", named)
        if len(part.keys) > 1 or stripped.lower() not in ("label", ""):
            return False
    if not models:
        return True
    classes = getattr(models[0].value, "classes_", None) if is_checked else None
    known = getattr(value, "classes_", None)
    if not isinstance(classes, np.ndarray) or not isinstance(known, np.ndarray):
        return False
    return bool(len(classes) == len(known) and all(classes == np.arange(len(known))))


def _scales_target(part: Part, models: list[Part]) -> bool:
    """Whether it scales the target of a regression: by its key, with one column."""
    is_named = isinstance(part.keys[-1], str) and _OF_TARGET.search(part.keys[-1])
    return bool(is_named and models and _takes(part.value) == 1)


def _lost_otherwise(models: list[Part], preparing: list[Part], parts: list[Part]) -> Iterator[str]:
    """What the file says besides that the model alone would not know."""
    for one in parts:
        key = one.keys[-1]
        if models and isinstance(key, str) and _THRESHOLD.search(key) and _is_share(one.value):
            yield (
                f"The threshold at {one.path} is not part of it: "
                "FixedThresholdClassifier(model, threshold=…).fit(X, y) keeps it."
            )
    if len(models) != 1 or any(
        hasattr(one.value, "feature_names_in_") for one in (*models, *preparing)
    ):
        return
    for one in parts:
        names = list(one.value) if isinstance(one.value, list | tuple) else []
        are_names = names and all(isinstance(name, str) for name in names)
        if are_names and len(names) == _takes(models[0].value):
            yield (
                f"The model does not know the names at {one.path}: give them as features in the "
                "training configuration."
            )
            return


def _is_share(value: object) -> bool:
    return isinstance(value, float | np.floating) and 0 < value < 1


def _of_unknown(parts: list[Part]) -> list[str]:
    """The sentence on parts that would not be opened in a Pipeline either."""
    unknown = [(one.value.module, one.value.name) for one in parts if isinstance(one.value, Absent)]
    closed = [name for name in unknown if name in BOOSTERS or _ALWAYS_CLOSED.match(name[0])]
    return [unknown_types(tuple(dict.fromkeys(closed))).message] if closed else []


def _described(root: Any) -> str:
    """A pipeline is named with the step at its end, which is what predicts."""
    kind = type(root).__name__
    steps = getattr(root, "steps", None)
    return f"{_a(kind)} that ends in {_a(type(steps[-1][1]).__name__)}" if steps else _a(kind)


def _listed(parts: list[Part]) -> str:
    shown = [str(one) for one in parts[:MOST_NAMED]]
    if len(parts) > MOST_NAMED:
        shown.append(f"{len(parts) - MOST_NAMED} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _labels(encoder: Any) -> str:
    """The classes of an encoder, in their order, in brackets."""
    classes = getattr(encoder, "classes_", None)
    if not isinstance(classes, np.ndarray) or not len(classes):
        return ""
    shown = [ascii(str(one)[:LONGEST_KEY])[1:-1] for one in classes[:MOST_NAMED].tolist()]
    return f" ({', '.join(shown)}{', …' if len(classes) > MOST_NAMED else ''})"


def _column(part: Part) -> str:
    """The column whose texts an encoder turned into numbers, by its key."""
    return _ENCODES.sub("", part.name) or part.name


def _columns(value: Any) -> str:
    names = getattr(value, "feature_names_in_", None)
    if not isinstance(names, np.ndarray):
        return "[…]"
    shown = [_literal(str(name)) for name in names[:MOST_NAMED].tolist()]
    return f"[{', '.join(shown)}{', …' if len(names) > MOST_NAMED else ''}]"


def _literal(key: object) -> str:
    if isinstance(key, str):
        return json.dumps(key[:LONGEST_KEY])
    return ascii(key)[:LONGEST_KEY]


def _a(kind: str) -> str:
    """The class with its article."""
    is_spelt = kind[:2].isupper() and kind[:1] in "FHLMNRSX"  # an SVC, an MLPClassifier
    return f"{'an' if kind[:1] in 'AEIO' or is_spelt or kind == 'ndarray' else 'a'} {kind}"
