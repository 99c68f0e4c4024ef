"""An estimator that misbehaves in the way its parameter names.

A package that somebody installed beside the product, as far as the model host can tell: it is
importable only in the interpreter that ``foreign_python`` makes, and its type must be approved.
"""

import ctypes
import json
import os
import signal
import sys
import threading
from struct import pack
from typing import Any, NoReturn, Self

import numpy as np
from sklearn.base import BaseEstimator

REPLIES = 3


def answer_its_pid() -> int:
    return os.getpid()


def answer_its_pid_after_a_while() -> int:
    for _ in range(5_000_000):
        pass
    return os.getpid()


def answer_its_pid_when_told() -> int:
    told: list[int] = []
    signal.signal(signal.SIGWINCH, lambda number, frame: told.append(number))
    while not told:
        pass
    return os.getpid()


def loop() -> NoReturn:
    while True:
        pass


def ignore_signals_and_loop() -> NoReturn:
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    loop()


def take_all_memory() -> None:
    held = []
    while True:
        held.append(bytearray(16 * 1024 * 1024))


def take_all_memory_to_the_last_byte() -> None:
    held: list[object] = []
    size = 64 * 1024 * 1024
    while size > 16:
        try:
            held.append(bytearray(size))
        except MemoryError:
            size //= 2
    globals()["never_freed"] = held
    raise MemoryError


def segfault() -> None:
    ctypes.string_at(0)


def abort() -> None:
    os.abort()


def exit_at_once() -> None:
    os._exit(0)


def raise_system_exit() -> None:
    sys.exit("bye")


def raise_an_error() -> None:
    raise ZeroDivisionError("seven by nought")


def print_much() -> int:
    print("text" * 100_000)
    ctypes.CDLL(None).puts(b"text" * 1000)
    return 1


def close_the_connection() -> NoReturn:
    os.close(REPLIES)
    loop()


def write(data: bytes) -> None:
    while data:
        data = data[os.write(REPLIES, data) :]


def reply(text: str) -> NoReturn:
    write(pack(">I", len(text)) + text.encode())
    loop()


def announce_four_gigabytes() -> NoReturn:
    write(b"\xff\xff\xff\xff")
    while True:
        write(b"x" * 65536)


def stop_in_the_middle_of_a_reply() -> NoReturn:
    write(pack(">I", 100) + b"{")
    loop()


def reply_no_json() -> None:
    reply("the answer is 42")


def reply_deeply_nested_json() -> None:
    reply("[" * 1_000_000)


def reply_a_list() -> None:
    reply("[]")


def reply_an_answer_that_is_not_finite() -> None:
    reply(_outputs(value="1e999"))


def reply_nan() -> None:
    reply(_outputs(value="NaN"))


def reply_a_lone_surrogate() -> None:
    reply(_outputs(value='"\\ud800"'))


def reply_an_unknown_field() -> None:
    reply(_outputs(value='1, "command": "rm"'))


def reply_an_unknown_error_code() -> None:
    reply(_error(code="STORAGE"))


def claim_to_be_lost() -> None:
    reply(_error(lost=True))


def say_more_than_was_asked() -> int:
    write(pack(">I", 2))
    return 1


def give_a_huge_answer() -> list[float]:
    return [0.5] * 100_000


def give_a_long_text() -> str:
    return "x" * 5_000_000


def reply_a_text_over_the_limit() -> None:
    reply(_outputs(value=json.dumps("x" * 1_001)))


def reply_a_text_far_over_the_limit() -> None:
    reply(_outputs(value=json.dumps("x" * 1_000_000)))


def fail_with_endless_words() -> None:
    reply(_error(message="m" * 19_000, step="s" * 19_000, refused=[["m" * 19_000, "n"]] * 150))


def tell_its_environment() -> str:
    return json.dumps(
        {
            "environment": dict(os.environ),
            "threads": threading.active_count(),
            "streams": [type(stream).__name__ for stream in (sys.stdin, sys.stdout, sys.stderr)],
        }
    )


def _outputs(value: str) -> str:
    target = f'{{"name": "y", "value": {value}}}'
    return f'{{"ok": true, "result": {{"task": "other", "targets": [{target}]}}}}'


def _error(**changed: object) -> str:
    error: dict[str, object] = {
        "code": "MODEL",
        "message": "m",
        "traceback": "",
        "refused": [],
        "absent": [],
        "input": "",
        "lost": False,
    }
    return json.dumps({"ok": False, "error": error | changed})


class Does(BaseEstimator):
    """Predicts by calling the function of this module that ``what`` names."""

    def __init__(self, what: str = "answer_its_pid", size: int = 0) -> None:
        self.what = what
        self.size = size

    def fit(self, X: object = None, y: object = None) -> Self:
        self.n_features_in_ = 1
        self.ballast_ = np.ones(self.size)
        return self

    def predict(self, X: object) -> Any:
        return np.array([globals()[self.what]()])


class DoesForNegatives(Does):
    """Does it only where a row begins with a negative number; otherwise answers that number."""

    def predict(self, X: Any) -> Any:
        numbers = np.asarray(X, dtype=float)[:, 0]
        return super().predict(X) if (numbers < 0).any() else numbers


class LoadsBadly(Does):
    """Does it already while it is being opened."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        globals()[self.what]()


class Remembers(Does):
    """Answers with the inputs that it was given the time before."""

    def predict(self, X: Any) -> Any:
        before, self.last_ = getattr(self, "last_", np.zeros(1)), np.ravel(X)
        return before[:1]


class RemembersInSecret(Remembers):
    """Does not say what it holds: it cannot be written to a file any more."""

    def predict(self, X: Any) -> Any:
        self.lock_ = threading.Lock()
        return super().predict(X)
