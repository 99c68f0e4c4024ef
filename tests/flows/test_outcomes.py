"""The mapping from exceptions to what a row records of them."""

from typing import Any

import pytest
from django.db import DataError

from flows.errors import ArtifactTampered, NotAModel
from flows.outcomes import Refused, refusal_of, refusals
from model_host.client import ArtifactChanged, PredictionCancelled
from model_host.protocol.errors import HostError
from models_registry.errors import ArtifactMissing

LOST = HostError("CRASH", "The process was killed.", lost=True)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (HostError("TIMEOUT", "It took 10 s."), "TIMEOUT", "It took 10 s."),
        (ArtifactMissing("no such key"), "STORAGE", "The store did not give the file."),
        (ArtifactTampered("of digest 0"), "STORAGE", "The file in the store was altered."),
        (ArtifactChanged("of digest 0"), "STORAGE", "copy of the file was altered"),
        (NotAModel("is a table"), "STORAGE", "copy of the file was altered"),
        (DataError("a NUL"), "CRASH", "could not be stored (DataError)"),
        (RecursionError("a value"), "CRASH", "The worker itself failed (RecursionError)."),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else "",
)
def test_every_exception_is_recorded_with_its_class_and_a_sentence(
    error: Exception, code: str, words: str
) -> None:
    refused = refusal_of(error)

    assert refused.code == code
    assert words in refused.sentence
    assert "a value" not in refused.sentence


@pytest.mark.parametrize(
    ("error", "is_of_model"),
    [
        (HostError("MEMORY", "It took 3 GB."), True),
        (HostError("LOAD", "It did not open."), False),
        (LOST, False),
        (ArtifactMissing("no such key"), False),
    ],
    ids=str,
)
def test_a_model_is_to_blame_only_for_what_it_was_asked(error: Exception, is_of_model: Any) -> None:
    assert refusal_of(error).is_of_model is is_of_model


def test_a_refusal_and_a_cancellation_stay_what_they_are() -> None:
    for error in (Refused("The draft was changed."), PredictionCancelled()):
        with pytest.raises(type(error)) as caught, refusals():
            raise error

        assert caught.value is error
