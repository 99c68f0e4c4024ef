"""The system calls that a locked process may make, and the filter that refuses all others.

One table serves both machines the product runs on. The filter is a short BPF program generated from
it; why our own and not libseccomp stands in docs/adr/0002-seccomp-filter.md. A call that is not in
the table gives EPERM, so that honest code which merely tries (a lazy import, say) goes on; a call
for another instruction set kills the process, since the numbers below would mean other calls there.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from struct import Struct

ALLOWED: dict[str, tuple[int | None, int | None]] = {
    # The one open descriptor, the socket to the worker. No send or recv: they could carry others.
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "close": (3, 57),
    # Memory; mmap and mprotect never executable (see program()).
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    # Waiting on locks within the process, and the clock.
    "futex": (202, 98),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getcpu": (309, 168),
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "times": (100, 153),
    "getrusage": (98, 165),
    "getrandom": (318, 278),
    # Its own names and signals, and the end.
    "getpid": (39, 172),
    "gettid": (186, 178),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
"""Name: (number on x86_64, number on aarch64). No open, stat, socket, clone, exec, kill, prctl or
prlimit: neither a new process nor a new thread; models run with one thread and ``n_jobs=1``."""

MMAP, MPROTECT, TGKILL = (9, 222), (10, 226), (234, 131)

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

# BPF instructions (linux/bpf_common.h): load a word of seccomp_data, compare, return.
_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _THIRD_ARGUMENT = 0, 4, 16, 32
_ALLOW, _KILL_PROCESS, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
_X32_BIT = 0x40000000
_PROT_EXEC = 4

_INSTRUCTION = Struct("=HBBI")
_SET_MODE_FILTER = 1
_SYSCALL_SECCOMP = {"x86_64": 317, "aarch64": 277}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def is_supported() -> bool:
    return platform.system() == "Linux" and platform.machine() in _MACHINES


def program(machine: str, pid: int) -> bytes:
    """Return the filter for a process of this id on ``machine`` ("x86_64" or "aarch64") as BPF
    bytes."""
    column, architecture = _MACHINES[machine]
    numbers = [pair[column] for pair in ALLOWED.values()]
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        code += [(_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL_PROCESS)]
    for number in numbers:
        if number is not None:
            code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for number in (MMAP[column], MPROTECT[column]):
        code += [
            (_EQUAL, 0, 4, number),
            (_LOAD, 0, 0, _THIRD_ARGUMENT),
            (_HAS_BITS, 0, 1, _PROT_EXEC),
            (_RETURN, 0, 0, _REFUSE),
            (_RETURN, 0, 0, _ALLOW),
        ]
    # A process may signal itself only: abort() then dies of SIGABRT, and the report can say so.
    code += [
        (_EQUAL, 0, 3, TGKILL[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 0, 1, pid),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in code)


def install(libc: ctypes.CDLL) -> None:
    """Filter this process, which must have one thread, for good. OSError without seccomp.

    Needs no_new_privs, or privileges.
    """
    machine = platform.machine()
    code = program(machine, os.getpid())
    loaded = _Program(len(code) // _INSTRUCTION.size, code)
    if libc.syscall(_SYSCALL_SECCOMP[machine], _SET_MODE_FILTER, 0, ctypes.byref(loaded)) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")
