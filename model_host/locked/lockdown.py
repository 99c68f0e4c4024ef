"""The lockdown of a forked child, before it reads the first byte of a model file.

After ``lock`` the process has one open descriptor, an empty environment, no capabilities, and can
open no file, socket or process: by Landlock where the kernel has it, and by a system-call filter.
It dies with its parent. The process itself cannot undo any of this.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from model_host.locked import seccomp
from model_host.protocol.orders import SelfTest

SOCKET = 3
"""The descriptor that stays open. Not 0-2: C code that prints must not write into the replies."""

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NAME, _PR_SET_NO_NEW_PRIVS = 1, 4, 15, 38
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_KILL, _CAP_SETGID, _CAP_SETUID = 1 << 5, 1 << 6, 1 << 7
_NOBODY = 65534

# Landlock (linux/landlock.h); the three numbers are the same on every machine.
_CREATE_RULESET, _RESTRICT_SELF, _VERSION = 444, 446, 1
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""The number of file rights of each Landlock ABI; later ones added none."""


class LockdownError(Exception):
    """A layer of the lockdown that is required to open model files could not be installed."""


def strip(kept: int) -> None:
    """Close every descriptor but ``kept``, which becomes ``SOCKET``; empty the environment."""
    if kept != SOCKET:
        os.dup2(kept, SOCKET)
    listing = "/proc/self/fd" if platform.system() == "Linux" else "/dev/fd"
    for descriptor in map(int, os.listdir(listing)):
        if descriptor != SOCKET:
            with contextlib.suppress(OSError):  # The listing's own is closed already.
                os.close(descriptor)
    os.environ.clear()


def limit(*, memory_bytes: int, cpu_seconds: int) -> None:
    """Set the resource limits: ``memory_bytes`` of address space on top of what is mapped now, and
    a CPU time that only a process whose keeper no longer watches ever reaches."""
    limits = {
        resource.RLIMIT_CPU: (cpu_seconds, cpu_seconds + 1),
        resource.RLIMIT_NOFILE: (SOCKET + 1, SOCKET + 1),
        resource.RLIMIT_NPROC: (0, 0),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
    }
    if platform.system() == "Linux":  # Elsewhere the mapped size says nothing.
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limits[resource.RLIMIT_AS] = (mapped + memory_bytes, mapped + memory_bytes)
    for kind, (soft, hard) in limits.items():
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(kind, (soft, hard))


def lock(*, parent: int) -> tuple[str, ...]:
    """Give up every right for good; return a sentence for each layer that the kernel lacks.

    LockdownError where a layer that must be there is not. ``parent`` is the process with which this
    one dies. The order matters: a change of user clears the parent-death signal and the dumpable
    flag.
    """
    if not seccomp.is_supported():
        raise LockdownError(f"{platform.system()} on {platform.machine()} has no filter here")
    if len(os.listdir("/proc/self/task")) != 1:
        raise LockdownError("there is a second thread, which would keep its rights")
    _drop_privileges()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(_PR_SET_DUMPABLE, 0)
    if os.getppid() != parent:
        os._exit(0)  # The parent died before it could take this process with it.
    missing = _landlock()
    try:
        seccomp.install(_libc)
    except OSError as error:
        raise LockdownError(f"the system-call filter was refused: {error.strerror}") from error
    return missing


def name_process(name: str) -> None:
    """Set the name that ``ps`` and ``top`` show, at most 15 bytes; only Linux has it."""
    if platform.system() == "Linux":
        _libc.prctl(_PR_SET_NAME, name.encode()[:15])


def self_test(canary: Path, missing: tuple[str, ...] = ()) -> SelfTest:
    """Try what this process, already locked, can still do: each attempt should fail.

    ``canary`` is a file that everybody may read; ``missing`` is what ``lock`` returned. An exec
    that succeeds replaces this process, so whoever waits must take silence for a failure.
    """
    attempts: dict[str, Callable[[], object]] = {
        "read a file": lambda: os.open(canary, os.O_RDONLY),
        "open a file for writing": lambda: os.open("/dev/null", os.O_WRONLY),
        "open an internet socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "open a local socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        "start a process": _fork,
    }
    findings = []
    for name, attempt in attempts.items():
        with contextlib.suppress(OSError):
            attempt()
            findings.append(f"A locked process could {name}.")
    if not findings:
        with contextlib.suppress(OSError):
            os.execv(sys.executable, [sys.executable, "-I", "-c", ""])  # noqa: S606
    return SelfTest(passed=not findings, findings=tuple(findings) or missing)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0))) != 0:
        raise LockdownError(f"prctl {option} was refused: {os.strerror(ctypes.get_errno())}")


def _drop_privileges() -> None:
    """Change from root to nobody if root has the capabilities for it, then drop them all.

    Without CAP_KILL the worker could not end a process of another user, so the user stays.
    """
    needed = _CAP_KILL | _CAP_SETGID | _CAP_SETUID
    if os.geteuid() == 0 and _effective_capabilities() & needed == needed:
        # A user namespace may not map nobody; the layers below do not depend on it.
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    if _libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise LockdownError(f"capset was refused: {os.strerror(ctypes.get_errno())}")


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _landlock() -> tuple[str, ...]:
    """Deny every file, and what the kernel's ABI adds: TCP, abstract sockets, signals outside.

    A kernel without Landlock is no reason to stop: the filter denies the same, and the self-test
    decides whether what is left will do.
    """
    version = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        return ("This kernel has no Landlock: the system-call filter alone keeps files closed.",)
    rights = [(1 << _FILE_RIGHTS[min(version, 5)]) - 1]
    if version >= 4:
        rights.append(0b11)
    if version >= 6:
        rights.append(0b11)
    handled = (ctypes.c_uint64 * len(rights))(*rights)
    ruleset = _libc.syscall(_CREATE_RULESET, handled, ctypes.c_size_t(ctypes.sizeof(handled)), 0)
    if ruleset < 0 or _libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
        raise LockdownError(f"Landlock was refused: {os.strerror(ctypes.get_errno())}")
    os.close(ruleset)
    return ()
