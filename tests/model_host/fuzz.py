"""`python -m tests.model_host.fuzz [SECONDS] [SEED] [--mutants N]`: open damaged honest files one
by one, for a number of seconds or for a number of files.

Honest models of many kinds and formats are changed at random (bytes, numbers, lengths, pieces of
one another, inside the compression as well), then opened twice over. The loader gets them in a
process whose every audit event is watched: a file opened to write, a process, a socket, code run,
a pickle's own lookup are escapes. Every tenth goes to a model host as an upload does, and so does
each of those whose bytes are in order and whose models are not: one attribute of one part has
another shape, other numbers, a function, a mapping or a part that belongs elsewhere.

What must not happen: an escape, a host that dies or hangs, memory that grows, an honest model that
no longer answers. A loader process that dies is counted and its file kept: there only the sandbox
would hold.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import copy
import hashlib
import io
import multiprocessing
import os
import pickle
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from operator import itemgetter, methodcaller
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings_for_mypy")
os.environ["OMP_NUM_THREADS"] = "1"  # threads of OpenMP do not survive a fork

import joblib
import numpy as np
import skops.io
from scipy.spatial.distance import cosine
from sklearn.cluster._kmeans import _kmeans_single_lloyd
from sklearn.feature_selection import f_classif
from sklearn.metrics.pairwise import rbf_kernel

from model_host.client import ModelHost
from model_host.loading.safe_load import load
from model_host.locked.warmup import warm_up
from model_host.protocol.artifact import Artifact, Limits
from model_host.protocol.errors import HostError
from tests.model_host.every_estimator import NAMES, NO_NEW_ROWS, every, parts_of
from tests.model_host.spelled import SPELLINGS, read

LONGEST_SECONDS = 20.0
EVERY_TENTH = 10
SHARE_OF_BENT = 0.1
_COMPRESSORS = ("zlib", "gzip", "bz2", "xz", "lzma", "lz4")
_NUMBERS = (b"\x00" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x01\x00\x00\x00")
_ESCAPES = ("os.", "subprocess.", "socket.", "shutil.", "ctypes.", "pickle.", "exec")
_HARMLESS = ("os.putenv", "os.listdir")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model_host.fuzz")
    parser.add_argument("seconds", nargs="?", type=float, default=60.0)
    parser.add_argument("seed", nargs="?", type=int, default=int(time.time()))
    parser.add_argument("--mutants", type=int)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.mutants or f'{arguments.seconds:.0f} s'}")
    counts, failures = fuzz(arguments.seconds, arguments.seed, arguments.mutants)
    for what, count in counts.most_common():
        print(f"{count:9,} {what}")
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def fuzz(
    seconds: float, seed: int, mutants: int | None = None
) -> tuple[collections.Counter[str], list[str]]:
    """Return how often each thing happened, and what must not happen and did."""
    chance = random.Random(seed)
    models = _honest_models(chance)
    files = _honest_files(chance, models)
    counts: collections.Counter[str] = collections.Counter()
    failures: list[str] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        ModelHost(max_children=1, max_memory_bytes=2**31, children_per_model=1) as host,
    ):
        _ask_host(host, Path(folder), files[0])
        reader = _Reader()
        memory, until, number = _own_memory(), time.monotonic() + seconds, 0
        while time.monotonic() < until if mutants is None else number < mutants:
            is_bent = chance.random() < SHARE_OF_BENT
            data = _bent(chance, models) if is_bent else _damaged(chance, files)
            said = reader.read(data)
            counts[said] += 1
            if said.startswith(("escaped", "hung")):
                failures.append(f"mutant {number}: {said}; {_kept(data)}")
            if said.startswith("loader died"):
                counts[f"  kept as {_kept(data)}"] += 1
            number += 1
            if is_bent or number % EVERY_TENTH == 0:
                said = _ask_host(host, Path(folder), data)
                counts[said := f"bent, {said}" if is_bent else said] += 1
                if "CRASH" in said or "TIMEOUT" in said:
                    counts[f"  {said}, kept as {_kept(data)}"] += 1
            if number % 200 == 0 and (said := _ask_host(host, Path(folder), files[0])) != _OPENED:
                failures.append(f"an honest model after mutant {number}: {said}")
        reader.end()
        counts["mutants"] = number
        grown = (_own_memory() - memory) / 2**20
        counts[f"MiB more in the worker's process ({memory / 2**20:.0f} before)"] = round(grown)
        if grown > 100:
            failures.append(f"the worker's process grew by {grown:.0f} MiB")
    return counts, failures


# What is changed


def _honest_models(chance: random.Random) -> list[Any]:
    """Small fitted estimators, some fifty of them."""
    served = [one for one in NAMES if one not in (*NO_NEW_ROWS, "Birch")]
    return [every(name).estimator for name in chance.sample(served, 50)]


def _honest_files(chance: random.Random, models: list[Any]) -> list[bytes]:
    """Return each model in one format, and half as many that keep what other versions of NumPy and
    pandas wrote."""
    written = [one.content for path in sorted(SPELLINGS.glob("*")) for one in read(path)]
    others = chance.sample(written, len(models) // 2)
    return [_written(chance, model) for model in models] + others


def _written(chance: random.Random, model: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    write: Callable[[], bytes] = chance.choice(
        (
            lambda: pickle.dumps(model, chance.choice((2, 3, 4, 5))),
            buffer.getvalue,
            lambda: skops.io.dumps(model),
        )
    )
    return write()


def _bent(chance: random.Random, models: list[Any]) -> bytes:
    """Return a file in order, of a model of which one attribute is not."""
    while True:
        model = copy.deepcopy(chance.choice(models))
        part = chance.choice(list(parts_of(model)))
        other = chance.choice(list(parts_of(chance.choice(models))))
        names = [*vars(part), chance.choice([*vars(other), "tree_"])]
        name = chance.choice(names)
        try:
            vars(part)[name] = _bent_value(chance, vars(part).get(name), vars(other))
            return pickle.dumps(model)
        except Exception:  # It has no such value, or cannot be written with it.
            continue


def _bent_value(chance: random.Random, value: Any, others: dict[str, Any]) -> Any:
    """Something like ``value`` that is not it, or another part's own."""
    functions: list[Any] = [np.positive, np.sum, list, f_classif, _kmeans_single_lloyd]
    functions += [cosine, rbf_kernel, str.split, itemgetter(0), methodcaller("ravel")]
    functions += [partial(np.clip, a_max=1), tempfile.mkdtemp]  # the last one is not on the list
    anything = [chance.choice(functions), chance.choice(list(others.values())), None, 0, -1, 10**9]
    if isinstance(value, dict):
        of_keys = (
            collections.defaultdict(int, value),
            collections.OrderedDict(value, out=np.ones(4)),
        )
        anything += [*of_keys, {}]
    if isinstance(value, np.ndarray) and value.ndim:
        anything += [value[:1], value[:0], value.ravel(), np.repeat(value, 50, axis=0)]
        anything += [value[..., :1], np.ma.MaskedArray(value, mask=True)]
        if value.dtype.kind in "iuf":
            for number in (0, -1, 2**31 - 1, float("nan"), float("inf")):
                with contextlib.suppress(ValueError, OverflowError):
                    anything.append(np.full_like(value, number))
    if isinstance(value, float):
        anything += [float("nan"), float("inf"), -value]
    return chance.choice(anything)


def _damaged(chance: random.Random, files: list[bytes]) -> bytes:
    data = bytearray(chance.choice(files))
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at, length = chance.randrange(len(data)), chance.choice((1, 1, 4, 8, 64, 1000))
        match chance.randrange(7):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at] = chance.randrange(256)
            case 2:
                data[at : at + 4] = chance.choice(_NUMBERS)
            case 3:
                del data[at : at + length]
            case 4:
                data[at:at] = data[at : at + length]
            case 5:
                other = chance.choice(files)
                start = chance.randrange(len(other))
                data[at : at + length] = other[start : start + length]
            case 6:
                data[at : at + 1] = chance.choice((b"R", b"b", b"\x81", b"c", b"0", b"h\x05", b"."))
        if not data:
            return b"\x80"
    if data[0] == 0x80 and chance.random() < 0.2:
        return _compressed(chance.choice(_COMPRESSORS), bytes(data))
    return bytes(data)


def _compressed(compressor: str, data: bytes) -> bytes:
    """As joblib's own compressors write it, but whatever the content."""
    buffer = io.BytesIO()
    kind = joblib.compressor._COMPRESSORS[compressor]
    with kind.compressor_file(buffer, compresslevel=1) as file:
        file.write(data)
    return buffer.getvalue()


def _kept(data: bytes) -> str:
    path = Path(tempfile.gettempdir()) / f"fuzz-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    return str(path)


# Who reads it

_OPENED = "host: opened and predicted"


def _ask_host(host: ModelHost, folder: Path, data: bytes) -> str:
    """Return what the host says of an upload. A crash of its child is an answer, as long as it
    comes."""
    path = folder / "artifact"
    path.write_bytes(data)
    artifact = Artifact(hashlib.sha256(data).hexdigest(), path, "joblib")
    try:
        host.examine(artifact, Limits(load_seconds=10, predict_seconds=5))
    except HostError as error:
        return f"host: {error.code}"
    return _OPENED


class _Reader:
    """The loader in a process of its own, watched; a new one where one dies."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(
            target=_read_all, args=(theirs,), daemon=True
        )
        self._process.start()
        theirs.close()

    def read(self, data: bytes) -> str:
        self._ours.send_bytes(data)
        if not self._ours.poll(LONGEST_SECONDS):
            self._process.kill()
            said = f"hung for {LONGEST_SECONDS:.0f} s"
        else:
            try:
                return self._ours.recv_bytes().decode()
            except EOFError:
                self._process.join()
                said = f"loader died by {self._process.exitcode}"
        self._start()
        return said

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def _read_all(pipe: Connection) -> None:
    """Opens what comes, and says what became of it; the host alone asks for predictions."""
    warnings.simplefilter("ignore")
    warm_up()
    seen: list[str] = []
    sys.addaudithook(lambda event, arguments: _watch(seen, event, arguments))
    while True:
        try:
            data = pipe.recv_bytes()
        except EOFError:
            os._exit(0)
        seen.clear()
        try:
            load(data, "joblib")
            said = "opened"
        except HostError as error:
            known = "damaged", "cut off", "names", "not a model", "never fitted", "cannot predict"
            said = next((f"refused: {word}" for word in known if word in error.message), "refused")
        except MemoryError:
            said = "out of memory"
        pipe.send_bytes((f"escaped: {seen[0]}" if seen else said).encode())


def _watch(seen: list[str], event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        path, mode, flags = arguments
        # The lines of a traceback. Where to put its marks Python learns by parsing such a line, and
        # looks for a file of the name `<unknown>` where the line alone is no statement.
        is_of_traceback = str(path).endswith((".py", ".pyc")) or path == "<unknown>"
        if is_of_traceback and not flags & (os.O_WRONLY | os.O_RDWR):
            return
        seen.append(f"open {str(path)[:80]} {mode}")
    elif event.startswith(_ESCAPES) and event not in _HARMLESS:
        seen.append(f"{event} {str(arguments)[:80]}")


def _own_memory() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
