"""Log lines: what they must not hold."""

import logging

import pytest

from config.logging import ContextFilter, JsonFormatter, LineFormatter


@pytest.mark.parametrize("formatter", [LineFormatter("%(message)s"), JsonFormatter()])
@pytest.mark.parametrize(
    "start",
    [
        "/accounts/invitation/",
        "/accounts/password/reset/key/",
        "/accounts/confirm-email/",
        "/notifications/off/",
    ],
)
def test_an_address_that_opens_an_account_is_logged_without_its_secret(
    start: str, formatter: logging.Formatter
) -> None:
    told = ("Unprocessable Entity: %s", (f"{start}s3cret-K:y_1/",))
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, *told, None)
    ContextFilter().filter(record)
    line = formatter.format(record)
    assert start in line
    assert "s3cret" not in line


def test_an_address_that_opens_nothing_is_logged_whole() -> None:
    record = logging.LogRecord("a", logging.INFO, "", 0, "%s", ("/accounts/profile/?a=1",), None)
    ContextFilter().filter(record)
    assert LineFormatter("%(message)s").format(record) == "/accounts/profile/?a=1"
