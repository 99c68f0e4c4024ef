"""Escapes from a locked process, each tried for real, each seen to succeed without the lock."""

import json
import os
import subprocess
import sys
from pathlib import Path
from struct import iter_unpack

import pytest

from model_host.locked import lockdown, seccomp
from tests.model_host import escape_attempts

ATTEMPTS = sorted(escape_attempts.ATTEMPTS)
LOCKED = ["locked", *(["locked user"] if os.geteuid() == 0 else [])]

REFUSED = {"EPERM", "EACCES", "died of SIGSYS"}
OTHERWISE = {
    # The call is one that an honest model needs; what it asks for is not there.
    "grow a mapping beyond what is allowed": {"ENOMEM"},
    "map more memory than allowed": {"ENOMEM"},
    "read a file that was open before": {"EBADF"},
    "return from a probe that nobody set": {"EPERM", "died of SIGILL"},
    "share more memory than allowed": {"ENOMEM"},
}

NOT_EVERYWHERE = {
    # These take privileges, or a kernel feature that may be absent or switched off for all.
    "add key",
    "become root",
    "bpf",
    "call the kernel as a 32 bit program",
    "call the kernel by x32 numbers",
    "change root",
    "compare with the parent",
    "enter a namespace",
    "filter its own calls anew",
    "fork into a new user namespace",
    "io uring",
    "keyctl",
    "memfd secret",
    "message queue",
    "mount",
    "name a file by its handle",
    "new namespace of another kind",
    "new network namespace",
    "new user namespace",
    "open a file system",
    "open an unnamed file",
    "open the parents memory",
    "packet socket",
    "perf event open",
    "personality",
    "ptrace the parent",
    "read the kernels log",
    "read the parents memory",
    "rename the machine",
    "take a descriptor of the parent",
    "tcp socket of ip 6",
    "userfaultfd",
    "write into the parents memory",
}

BEHIND_THE_FILTER = [
    # What Landlock, the limits, the lost privileges and the flags refuse on their own.
    "append to a file",
    "become root",
    "bpf",
    "execute a program",
    "delete a file",
    "fork",
    "fork into a new user namespace",
    "grow a mapping beyond what is allowed",
    "list a directory",
    "make a directory",
    "make a hard link",
    "make a named pipe",
    "make a symlink",
    "map more memory than allowed",
    "mount",
    "open its own memory",
    "open the parents memory",
    "ptrace the parent",
    "read a device",
    "read a file",
    "read a file by openat2",
    "read a file that was open before",
    "read its own environ",
    "read its own memory map",
    "read the parents command line",
    "read the parents environ",
    "read the parents memory",
    "rename a file",
    "share more memory than allowed",
    "spawn a program",
    "start a thread",
    "truncate a file",
    "write a new file",
    "write into the parents memory",
]

Outcomes = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    folder = tmp_path_factory.mktemp("ground")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o777)  # An ordinary user must be able to do it without the lock.
    (folder / "canary").write_text("canary")
    (folder / "canary").chmod(0o666)
    package = Path(lockdown.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-I", escape_attempts.__file__, str(package), str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    result: Outcomes = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("mode", LOCKED)
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_locked_process_cannot(attempt: str, mode: str, outcomes: Outcomes) -> None:
    assert outcomes[attempt][mode] in OTHERWISE.get(attempt, REFUSED)


@pytest.mark.parametrize("attempt", sorted(set(ATTEMPTS) - escape_attempts.LOCKED_ONLY))
def test_without_the_lock_the_same_attempt_succeeds(attempt: str, outcomes: Outcomes) -> None:
    refused = {"EPERM", "EACCES", "ENOSYS", "EAFNOSUPPORT", "EOPNOTSUPP", "died of SIGSEGV"}
    allowed = {"succeeded"} | (refused if attempt in NOT_EVERYWHERE else set())

    assert outcomes[attempt]["open"] in allowed


@pytest.mark.parametrize("mode", [mode.replace("locked", "no filter") for mode in LOCKED])
@pytest.mark.parametrize("attempt", BEHIND_THE_FILTER)
def test_without_the_system_call_filter_a_locked_process_still_cannot(
    attempt: str, mode: str, outcomes: Outcomes
) -> None:
    assert outcomes[attempt][mode] in OTHERWISE.get(attempt, {"EPERM", "EACCES", "EAGAIN"})


# The filter, run instruction by instruction: one table is for a machine that is not available here.

ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050001
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MACHINES = list(enumerate(AUDIT))
PID = 4711


def decision(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """Return what the kernel would do with this call, by the rules of classic BPF."""
    data = number.to_bytes(4, "little")
    data += (AUDIT[machine] if architecture is None else architecture).to_bytes(4, "little")
    data += bytes(8) + b"".join(argument.to_bytes(8, "little") for argument in arguments)
    data += bytes(64 - len(data))
    code = list(iter_unpack("<HBBI", seccomp.program(machine, PID)))
    at = value = 0
    while True:
        operation, if_true, if_false, operand = code[at]
        at += 1
        match operation:
            case 0x20:
                value = int.from_bytes(data[operand : operand + 4], "little")
            case 0x06:
                return int(operand)
            case 0x15:
                at += if_true if value == operand else if_false
            case 0x35:
                at += if_true if value >= operand else if_false
            case 0x45:
                at += if_true if value & operand else if_false
            case _:
                raise AssertionError(f"unknown instruction {operation:#x}")


@pytest.mark.parametrize(("column", "machine"), MACHINES)
def test_the_filter_allows_exactly_its_table(column: int, machine: str) -> None:
    table = {pair[column] for pair in seccomp.ALLOWED.values()} - {None}
    special = {seccomp.MMAP[column], seccomp.MPROTECT[column]}

    allowed = {number for number in range(600) if decision(machine, number) == ALLOW}

    assert allowed == table | special


@pytest.mark.parametrize(("column", "machine"), MACHINES)
def test_the_filter_looks_at_arguments_where_the_call_alone_does_not_tell(
    column: int, machine: str
) -> None:
    for number in (seccomp.MMAP[column], seccomp.MPROTECT[column]):
        assert decision(machine, number, 0, 4096, 3) == ALLOW
        assert decision(machine, number, 0, 4096, 5) == REFUSE
    assert decision(machine, seccomp.TGKILL[column], PID, PID, 6) == ALLOW
    assert decision(machine, seccomp.TGKILL[column], PID + 1, PID + 1, 6) == REFUSE


@pytest.mark.parametrize("machine", AUDIT)
def test_the_filter_kills_what_calls_for_another_machine(machine: str) -> None:
    assert decision(machine, 0, architecture=0x40000003) == KILL
    if machine == "x86_64":
        assert decision(machine, 0x40000000) == KILL


@pytest.mark.parametrize(("column", "machine"), MACHINES)
def test_no_call_stands_twice_in_the_table(column: int, machine: str) -> None:
    numbers = [pair[column] for pair in seccomp.ALLOWED.values() if pair[column] is not None]

    assert len(numbers) == len(set(numbers))
