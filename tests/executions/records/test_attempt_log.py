from unittest.mock import Mock

import pytest

from executions.records.attempt_log import AttemptLog, LogLine, read, written


def test_what_was_written_reads_back() -> None:
    log = "\n".join(
        [written(0.0124, "INFO", "model was warm"), written(1, "ERROR", "failed: LOAD")]
    )
    assert read(log) == (
        LogLine(0.012, "INFO", "model was warm"),
        LogLine(1.0, "ERROR", "failed: LOAD"),
    )


def test_an_event_is_one_line_whatever_it_says() -> None:
    assert written(0, "INFO", "step a\n+9.000 s ERROR b") == "+0.000 s INFO step a +9.000 s ERROR b"


def test_a_line_of_another_format_is_shown_as_it_is() -> None:
    (line,) = read("Ran in 1 s.\n\n")
    assert (line.event, line.time_text) == ("Ran in 1 s.", "")


def test_lines_count_from_the_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.records.attempt_log.time", Mock(monotonic=lambda: 107.5))
    log = AttemptLog(100.0)
    log.add("claimed")
    (line,) = read(log.text)
    assert line.seconds == 7.5
