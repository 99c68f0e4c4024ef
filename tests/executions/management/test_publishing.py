from dataclasses import replace

import pytest

from accounts.models import User
from config.errors import DomainError
from executions.management.publishing import _test
from tests.factories import AGE, HOME, make_version


def test_an_input_that_is_not_complete_is_said_before_what_does_not_fit(ada: User) -> None:
    open_input = replace(AGE, name="month", label="Month", is_complete=False)
    version = make_version(features=(AGE, HOME, open_input))
    with pytest.raises(DomainError, match="Please complete these inputs first: Month"):
        _test(version, {"age": "old", "month": "May"}, ada)
