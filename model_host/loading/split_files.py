"""Files that hold a model in parts: the sentence that names the parts and the line that joins them.

A model that was fitted on scaled or encoded rows answers wrongly for a person's own values, without
any error, where its scaler or encoder is left behind. So a dict, list or tuple with a model in it
is refused, and the refusal says how the parts become one Pipeline, in terms of that very file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelEncoder

from model_host.loading.allow_list import BOOSTERS
from model_host.loading.file_formats import detect_format
from model_host.loading.file_parts import (
    LONGEST_KEY,
    OF_LABELS,
    SAVED,
    Part,
    chain,
    column_of,
    is_holder,
    is_model,
    is_of_target,
    literal,
    names_of,
    ordered,
    parts_of,
    prepares,
    scales_target,
    state_of,
    takes,
    with_article,
)
from model_host.loading.reading_state import Absent, Named, unknown_types

MOST_NAMED = 6
_THRESHOLD = re.compile("thresh|cut_?off", re.I)
_ALWAYS_CLOSED = re.compile(r"(?:joblib\.externals\.)?(?:__main__|cloudpickle|dill)\b")


def refusal_of_parts(root: Any, *, is_checked: bool = True) -> str:
    """Return why ``root``, which is not a model, is not served, and what to save instead. Not
    ``is_checked``: the file names unknown types, so its objects are only looked at, and not called;
    "" then, where no model and nothing that prepares rows for one is in it."""
    kind = "None" if root is None else with_article(type(root).__name__)
    if isinstance(root, bytes) and detect_format(root[:4096]):
        return (
            "The file holds the bytes of a model file: the model was pickled twice. Save the "
            "fitted model itself with joblib.dump(model, 'model.joblib')."
        )
    name = root.name if isinstance(root, Absent) else type(root).__name__
    if name in ("DataFrame", "Series"):
        return _no_model(with_article(name))
    parts = list(parts_of(root)) if is_holder(root) else []
    advice = _advice(parts, is_checked)
    if not advice:
        return _no_model(kind) if is_checked else ""
    return f"The file holds {kind}, not a model: {advice} ({SAVED} is that {type(root).__name__}.)"


def refusal_of_types(root: Any) -> str:
    """Return why a class or function that was saved in place of a fitted model is not served, alone
    or among other parts; "" where ``root`` is or holds none."""
    if isinstance(root, Named):
        return (
            f"The file holds `{ascii(root.entry.name)[1:-1]}` itself, not a fitted model made with "
            "it. Make one, call fit, and save that."
        )
    if not is_holder(root) or not any(isinstance(one.value, Named) for one in parts_of(root)):
        return ""
    return refusal_of_parts(root, is_checked=False) or _no_model(with_article(type(root).__name__))


def advice_on_object(root: Any) -> str:
    """Return the advice as a further sentence on an object of a class that no approval opens
    (``__main__``, ``SimpleNamespace``) and that may only keep the parts together; "" for anything
    else."""
    if not isinstance(root, Absent) or root.module not in ("__main__", "types"):
        return ""
    parts = list(parts_of(state_of(root)))
    if not any(is_model(one, is_checked=False) for one in parts):
        return ""
    advice = _advice([one for one in parts if one.value is not root], is_checked=False)
    return (
        f" If it only keeps its parts together, it need not be in the file: {advice} ({SAVED} is "
        "that object.)"
    )


def refusal_of_dumps(objects: Sequence[Any], is_of_joblib: bool) -> str:
    """Return the refusal of a file into which several objects were dumped, one after the other.
    joblib.load cannot read the second of them."""
    count = len(objects)
    how = "as they were dumped" if is_of_joblib else f"[pickle.load(file) for _ in range({count})]"
    kinds = ", then ".join(type(one).__name__ for one in objects[:MOST_NAMED])
    advice = _advice(list(parts_of(list(objects))), is_checked=True)
    return (
        f"The file holds {'two' if count == 2 else count} objects one after the other ({kinds})"
        + (f": {advice}" if advice else ". Save the fitted model by itself.")
        + f" ({SAVED} is the list of them: {how}.)"
    )


def _no_model(kind: str) -> str:
    return (
        f"The file holds {kind}, not a model. Save the fitted model itself with "
        "joblib.dump(model, 'model.joblib')."
    )


def _advice(parts: list[Part], is_checked: bool) -> str:
    """The parts by name, and what to do with them; "" where none has to do with a model."""
    try:
        return _named_and_joined(parts, is_checked)
    except Exception:  # whatever the properties of an estimator raise: it is of no use then
        return ""


def _named_and_joined(parts: list[Part], is_checked: bool) -> str:
    models = [one for one in parts if is_model(one, is_checked)]
    preparing = [one for one in parts if one not in models and prepares(one.value, is_checked)]
    found = [*preparing, *models]
    if not (models or any(is_checked or not isinstance(one.value, Absent) for one in preparing)):
        return ""
    says = [f"{_listed(found)}.", *_joined(models, preparing, parts, is_checked)]
    return " ".join([*says, *_lost_otherwise(models, preparing, parts), *_of_unknown(parts)])


def refusal_of_transformer(root: Any) -> str:
    """Return why an estimator that cannot predict is not served alone, and what to save instead."""
    says = f"The file holds {_described(root)}, which cannot predict."
    if isinstance(root, OF_LABELS):
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
    if getattr(root, "refit", True) is False:
        return (
            f"{says} It was told not to keep a fitted model (refit=False): search with refit=True, "
            "or fit a model with the best parameters, and save that."
        )
    return f"{says} Save the fitted model that predicts."


def _joined(
    models: list[Part], preparing: list[Part], parts: list[Part], is_checked: bool
) -> Iterator[str]:
    """The advice on the parts: their order, the line to write, and the parts that belong
    elsewhere."""
    columns = {name for one in parts for name in names_of(one.value)}
    labels = [one for one in preparing if is_of_target(one, models, columns)]
    of_target = [one for one in preparing if one not in labels and scales_target(one, models)]
    rows = [one for one in preparing if one not in labels and one not in of_target]
    if not models and rows:
        line = ", ".join([*(one.step for one in ordered(rows)), "model"])
        yield (
            "The model whose rows are prepared by this is missing. Put all into one Pipeline and "
            f"save that: make_pipeline({line})."
        )
    elif len(models) > 1 and not rows:
        yield _of_several(models)
    elif models and not rows:
        yield f"Save the {models[0].kind} by itself: joblib.dump({models[0].path}, 'model.joblib')."
    elif models and (order := chain(rows, models[0], is_checked)) is not None:
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
        f"({literal(one.name)}, {one.path}, {_columns(one.value)})"
        for one in ordered(rows)
        if one not in labels
    ][:MOST_NAMED]
    if labels:
        named = ", ".join(literal(column_of(one)) for one in labels[:MOST_NAMED])
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


def _lost_otherwise(models: list[Part], preparing: list[Part], parts: list[Part]) -> Iterator[str]:
    """The other facts of the file that the model alone would not have."""
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
        if len(names_of(one.value)) == takes(models[0].value):
            yield (
                f"The model does not know the names at {one.path}: give them as features in the "
                "training configuration."
            )
            return


def _is_share(value: object) -> bool:
    return isinstance(value, float | np.floating) and bool(0 < value < 1)


def _of_unknown(parts: list[Part]) -> list[str]:
    """The sentence on parts that would not be opened in a Pipeline either."""
    unknown = [(one.value.module, one.value.name) for one in parts if isinstance(one.value, Absent)]
    closed = [name for name in unknown if name in BOOSTERS or _ALWAYS_CLOSED.match(name[0])]
    return [unknown_types(tuple(dict.fromkeys(closed))).message] if closed else []


def _described(root: Any) -> str:
    """A pipeline is named with the step at its end, which is what predicts."""
    kind = type(root).__name__
    steps = getattr(root, "steps", None)
    return (
        f"{with_article(kind)} that ends in {with_article(type(steps[-1][1]).__name__)}"
        if steps
        else with_article(kind)
    )


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


def _columns(value: Any) -> str:
    names = getattr(value, "feature_names_in_", None)
    if not isinstance(names, np.ndarray):
        return "[…]"
    shown = [literal(str(name)) for name in names[:MOST_NAMED].tolist()]
    return f"[{', '.join(shown)}{', …' if len(names) > MOST_NAMED else ''}]"
