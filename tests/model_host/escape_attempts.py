"""Escape attempts of a model that has taken over its process, carried out for real.

Run by test_lockdown in a clean interpreter of its own, never inside the product: it loads the
lockdown by itself and forks one process for each attempt and each mode ("open"; "locked"; "no
filter": locked but for the system-call filter, to see the layers behind it; and as root "locked
user" and "no filter user": the same after it became an ordinary user). Standard output gets one
JSON object, ``{attempt: {mode: outcome}}``; an outcome is "succeeded", an errno's name, "died of
SIGx", or "could not even be prepared: ...".
"""

import ctypes
import errno
import fcntl
import functools
import importlib.util
import json
import mmap
import os
import platform
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
COLUMN = 0 if platform.machine() == "x86_64" else 1
NUMBERS = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "clone3": (435, 435),
    "execveat": (322, 281),
    "fsopen": (430, 430),
    "io_uring_setup": (425, 425),
    "kcmp": (312, 272),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mount": (165, 40),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "name_to_handle_at": (303, 264),
    "msgget": (68, 186),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138),
    "seccomp": (317, 277),
    "setns": (308, 268),
    "shmget": (29, 194),
    "syslog": (103, 116),
    "tgkill": (234, 131),
    "tkill": (200, 130),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}

Attempt = Callable[[], object]
ATTEMPTS: dict[str, Callable[["Ground"], Attempt]] = {}
LOCKED_ONLY = {"make every call that is in no table", "return from a probe that nobody set"}
PROBES = {335, 336} if COLUMN == 0 else set()
"""uretprobe and uprobe: Linux lets them past every filter, since they do nothing for a caller that
does not stand where the kernel put it: the one kills it, the other answers ENXIO."""


class Ground:
    """What attempts work on, made before the lock: files, a listening socket, a victim."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "canary"
        self.victim = os.getpid()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]


def attempt(function: Callable[[Ground], object]) -> Callable[[Ground], object]:
    """Return an attempt that needs nothing done before the lock."""
    name = function.__name__.replace("_", " ")
    ATTEMPTS[name] = lambda ground: functools.partial(function, ground)
    return function


def prepared(function: Callable[[Ground], Attempt]) -> Callable[[Ground], Attempt]:
    """Return an attempt in two halves: the function runs before the lock, what it returns after."""
    ATTEMPTS[function.__name__.replace("_", " ")] = function
    return function


def call(name: str, *arguments: object) -> int:
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result: int = libc.syscall(NUMBERS[name][COLUMN], *words)
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result


def checked(result: int) -> int:
    if result == -1:
        raise OSError(ctypes.get_errno(), "")
    return result


# Files


@attempt
def read_a_file(ground: Ground) -> None:
    os.read(os.open(ground.file, os.O_RDONLY), 1)


@attempt
def read_a_file_by_openat2(ground: Ground) -> None:
    how = (ctypes.c_uint64 * 3)(os.O_RDONLY, 0, 0)
    call("openat2", -100, bytes(ground.file), how, ctypes.c_size_t(24))


@attempt
def read_its_own_environ(ground: Ground) -> None:
    os.open("/proc/self/environ", os.O_RDONLY)


@attempt
def read_the_parents_environ(ground: Ground) -> None:
    os.open(f"/proc/{ground.victim}/environ", os.O_RDONLY)


@attempt
def open_its_own_memory(ground: Ground) -> None:
    os.open("/proc/self/mem", os.O_RDWR)


@attempt
def open_the_parents_memory(ground: Ground) -> None:
    os.open(f"/proc/{ground.victim}/mem", os.O_RDONLY)


@attempt
def read_its_own_memory_map(ground: Ground) -> None:
    os.open("/proc/self/maps", os.O_RDONLY)


@attempt
def read_the_parents_command_line(ground: Ground) -> None:
    os.open(f"/proc/{ground.victim}/cmdline", os.O_RDONLY)


@attempt
def read_a_device(ground: Ground) -> None:
    os.read(os.open("/dev/zero", os.O_RDONLY), 1)


@prepared
def read_a_file_that_was_open_before(ground: Ground) -> Attempt:
    descriptor = os.open(ground.file, os.O_RDONLY)
    return lambda: os.read(descriptor, 1)


@attempt
def name_a_file_by_its_handle(ground: Ground) -> None:
    handle, mount = (ctypes.c_uint32 * 34)(128), ctypes.c_int()
    call("name_to_handle_at", -100, bytes(ground.file), handle, ctypes.byref(mount), 0)


@attempt
def list_a_directory(ground: Ground) -> None:
    os.listdir("/")


@attempt
def stat_a_file(ground: Ground) -> None:
    os.stat(ground.file)


@attempt
def follow_a_link(ground: Ground) -> None:
    os.readlink("/proc/self/exe")


@attempt
def change_directory(ground: Ground) -> None:
    os.chdir("/tmp")


@attempt
def write_a_new_file(ground: Ground) -> None:
    os.open(ground.folder / f"new{os.getpid()}", os.O_WRONLY | os.O_CREAT)


@attempt
def append_to_a_file(ground: Ground) -> None:
    os.open(ground.file, os.O_WRONLY | os.O_APPEND)


@attempt
def open_an_unnamed_file(ground: Ground) -> None:
    os.open(ground.folder, os.O_TMPFILE | os.O_RDWR)


@attempt
def make_a_directory(ground: Ground) -> None:
    os.mkdir(ground.folder / f"directory{os.getpid()}")


@attempt
def make_a_symlink(ground: Ground) -> None:
    os.symlink("/etc/passwd", ground.folder / f"link{os.getpid()}")


@attempt
def make_a_hard_link(ground: Ground) -> None:
    os.link(ground.file, ground.folder / f"hard{os.getpid()}")


@attempt
def make_a_named_pipe(ground: Ground) -> None:
    os.mkfifo(ground.folder / f"fifo{os.getpid()}")


@prepared
def delete_a_file(ground: Ground) -> Attempt:
    victim = ground.folder / f"victim{os.getpid()}"
    victim.touch()
    return lambda: os.unlink(victim)


@attempt
def change_the_owner_of_a_file(ground: Ground) -> None:
    os.chown(ground.file, -1, -1)


@attempt
def truncate_a_file(ground: Ground) -> None:
    os.truncate(ground.file, 6)


@attempt
def change_the_mode_of_a_file(ground: Ground) -> None:
    os.chmod(ground.file, 0o666)


@attempt
def rename_a_file(ground: Ground) -> None:
    os.rename(ground.file, ground.file)


@attempt
def memfd_create(ground: Ground) -> None:
    call("memfd_create", b"x", 0)


@attempt
def memfd_secret(ground: Ground) -> None:
    call("memfd_secret", 0)


# Sockets and other descriptors


@attempt
def tcp_socket(ground: Ground) -> None:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).connect(("127.0.0.1", ground.port))


@attempt
def udp_socket(ground: Ground) -> None:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", ground.port))


@attempt
def tcp_socket_of_ip_6(ground: Ground) -> None:
    socket.socket(socket.AF_INET6, socket.SOCK_STREAM)


@attempt
def unix_socket(ground: Ground) -> None:
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)


@attempt
def netlink_socket(ground: Ground) -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)


@attempt
def packet_socket(ground: Ground) -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)


@attempt
def socket_of_every_family(ground: Ground) -> None:
    """All 64 numbers that a family may have, each in four kinds: opened, or what refused it."""
    opened, refusals = 0, set()
    for family in range(64):
        for kind in (1, 2, 3, 5):
            try:
                socket.socket(family, kind).close()
                opened += 1
            except OSError as error:
                refusals.add(error.errno or 0)
    if not opened:
        raise OSError(max(refusals), "no socket")  # EPERM is the least of all


@attempt
def socket_pair(ground: Ground) -> None:
    socket.socketpair()


@prepared
def send_a_descriptor_to_the_worker(ground: Ground) -> Attempt:
    connection = socket.socket(fileno=3)
    return lambda: socket.send_fds(connection, [b"{}"], [3])


@attempt
def pipe(ground: Ground) -> None:
    os.pipe()


@attempt
def duplicate_a_descriptor(ground: Ground) -> None:
    os.dup(3)


@attempt
def eventfd(ground: Ground) -> None:
    os.eventfd(0)


@attempt
def ioctl(ground: Ground) -> None:
    fcntl.ioctl(3, 0x541B, bytearray(4))


@attempt
def io_uring(ground: Ground) -> None:
    call("io_uring_setup", 4, (ctypes.c_char * 120)())


@attempt
def message_queue(ground: Ground) -> None:
    name = b"model_host_test%d" % os.getpid()
    call("mq_open", name, os.O_RDWR | os.O_CREAT, 0o600, None)
    call("mq_unlink", name)


@attempt
def shared_memory_of_system_v(ground: Ground) -> None:
    identity = call("shmget", 0, ctypes.c_size_t(4096), 0o1600)
    libc.shmctl(identity, 0, None)


@attempt
def message_queue_of_system_v(ground: Ground) -> None:
    identity = call("msgget", 0, 0o1600)
    libc.msgctl(identity, 0, None)


# Processes and threads


@attempt
def execute_a_program(ground: Ground) -> None:
    program = "import os; os.write(3, b'succeeded')"
    os.execv(sys.executable, [sys.executable, "-I", "-c", program])


@prepared
def execute_a_descriptor(ground: Ground) -> Attempt:
    # Opened before the lock, which closes it: the call itself must be refused all the same.
    program = os.open(sys.executable, os.O_PATH)
    words = (sys.executable, "-I", "-c", "import os; os.write(3, b'succeeded')")
    argv = (ctypes.c_char_p * 5)(*[word.encode() for word in words], None)
    empty = (ctypes.c_char_p * 1)(None)
    return lambda: call("execveat", program, b"", argv, empty, 0x1000)


@attempt
def fork(ground: Ground) -> None:
    if os.fork() == 0:
        os._exit(0)


@attempt
def fork_by_clone3(ground: Ground) -> None:
    arguments = (ctypes.c_uint64 * 8)()
    arguments[4] = signal.SIGCHLD
    if call("clone3", arguments, ctypes.c_size_t(64)) == 0:
        os._exit(0)


@attempt
def fork_into_a_new_user_namespace(ground: Ground) -> None:
    arguments = (ctypes.c_uint64 * 8)(0x10000000)
    arguments[4] = signal.SIGCHLD
    if call("clone3", arguments, ctypes.c_size_t(64)) == 0:
        os._exit(0)


@attempt
def spawn_a_program(ground: Ground) -> None:
    os.posix_spawn("/bin/true", ["true"], {})


@attempt
def start_a_thread(ground: Ground) -> None:
    try:
        thread = threading.Thread(target=int)
        thread.start()
    except RuntimeError:
        raise OSError(errno.EPERM, "no thread") from None
    thread.join()


@attempt
def signal_the_parent(ground: Ground) -> None:
    os.kill(ground.victim, signal.SIGCONT)


@attempt
def signal_the_parents_thread(ground: Ground) -> None:
    call("tkill", ground.victim, signal.SIGCONT)


@attempt
def signal_the_parents_thread_in_its_group(ground: Ground) -> None:
    call("tgkill", ground.victim, ground.victim, signal.SIGCONT)


@attempt
def queue_a_signal_for_the_parent(ground: Ground) -> None:
    information = (ctypes.c_int * 32)(signal.SIGCONT, 0, -1)
    call("rt_sigqueueinfo", ground.victim, signal.SIGCONT, information)


@attempt
def signal_every_process_of_the_group(ground: Ground) -> None:
    os.killpg(0, 0)


@attempt
def open_a_handle_on_the_parent(ground: Ground) -> None:
    os.pidfd_open(ground.victim)


@prepared
def signal_the_parent_by_handle(ground: Ground) -> Attempt:
    handle = os.pidfd_open(ground.victim)
    return lambda: signal.pidfd_send_signal(handle, signal.SIGCONT)


@prepared
def take_a_descriptor_of_the_parent(ground: Ground) -> Attempt:
    handle = os.pidfd_open(ground.victim)
    return lambda: call("pidfd_getfd", handle, ground.listener.fileno(), 0)


@attempt
def ptrace_the_parent(ground: Ground) -> None:
    call("ptrace", 0x4206, ground.victim, None, None)


@attempt
def have_the_parent_trace_it(ground: Ground) -> None:
    call("ptrace", 0, 0, None, None)


@attempt
def write_into_the_parents_memory(ground: Ground) -> None:
    mine = ctypes.create_string_buffer(8)
    place = (ctypes.c_size_t * 2)(ctypes.addressof(mine), 8)
    call("process_vm_writev", ground.victim, place, ctypes.c_ulong(1), place, ctypes.c_ulong(1), 0)


@attempt
def read_the_parents_memory(ground: Ground) -> None:
    mine = ctypes.create_string_buffer(8)
    place = (ctypes.c_size_t * 2)(ctypes.addressof(mine), 8)
    # After a fork the parent's object lies at the same address.
    call("process_vm_readv", ground.victim, place, ctypes.c_ulong(1), place, ctypes.c_ulong(1), 0)


@attempt
def compare_with_the_parent(ground: Ground) -> None:
    call("kcmp", os.getpid(), ground.victim, 1, 0, 0)


@attempt
def move_the_parent_to_other_processors(ground: Ground) -> None:
    os.sched_setaffinity(ground.victim, os.sched_getaffinity(0))


@attempt
def slow_the_parent_down(ground: Ground) -> None:
    os.setpriority(os.PRIO_PROCESS, ground.victim, 0)


@attempt
def set_the_parents_limits(ground: Ground) -> None:
    resource.prlimit(ground.victim, resource.RLIMIT_CORE)


# Limits and privileges


@attempt
def raise_its_own_memory_limit(ground: Ground) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (2**46, resource.getrlimit(resource.RLIMIT_AS)[1]))


@attempt
def raise_its_limit_of_open_files(ground: Ground) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@attempt
def raise_its_limit_of_processor_time(ground: Ground) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))


@attempt
def map_more_memory_than_allowed(ground: Ground) -> None:
    mmap.mmap(-1, 2**29)


@attempt
def share_more_memory_than_allowed(ground: Ground) -> None:
    mmap.mmap(-1, 2**29, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)


@attempt
def grow_a_mapping_beyond_what_is_allowed(ground: Ground) -> None:
    mmap.mmap(-1, 2**20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).resize(2**29)


@attempt
def filter_its_own_calls_anew(ground: Ground) -> None:
    allow_all = ctypes.create_string_buffer(b"\x06\0\0\0\0\0\xff\x7f", 8)
    program = (ctypes.c_size_t * 2)(1, ctypes.addressof(allow_all))
    call("seccomp", 1, 0, program)


@attempt
def read_the_kernels_log(ground: Ground) -> None:
    call("syslog", 10, None, 0)


@attempt
def survive_its_parent(ground: Ground) -> None:
    checked(libc.prctl(1, ctypes.c_ulong(0)))


@attempt
def become_dumpable(ground: Ground) -> None:
    checked(libc.prctl(4, ctypes.c_ulong(1)))


@attempt
def become_root(ground: Ground) -> None:
    os.setresuid(0, 0, 0)


@attempt
def new_user_namespace(ground: Ground) -> None:
    call("unshare", 0x10000000)


@attempt
def new_namespace_of_another_kind(ground: Ground) -> None:
    """Mounts, control groups, machine name, queues, processes."""
    for kind in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x20000000):
        call("unshare", kind)


@attempt
def new_network_namespace(ground: Ground) -> None:
    call("unshare", 0x40000000)


@prepared
def enter_a_namespace(ground: Ground) -> Attempt:
    namespace = os.open("/proc/self/ns/uts", os.O_RDONLY)
    return lambda: call("setns", namespace, 0)


@attempt
def mount(ground: Ground) -> None:
    call("mount", b"none", bytes(ground.folder), b"tmpfs", ctypes.c_ulong(0), None)
    call("umount2", bytes(ground.folder), 0)


@attempt
def open_a_file_system(ground: Ground) -> None:
    call("fsopen", b"tmpfs", 0)


@attempt
def change_root(ground: Ground) -> None:
    os.chroot(ground.folder)


@attempt
def bpf(ground: Ground) -> None:
    attributes = (ctypes.c_uint32 * 32)(2, 4, 4, 1)
    call("bpf", 0, attributes, ctypes.sizeof(attributes))


@attempt
def perf_event_open(ground: Ground) -> None:
    attributes = (ctypes.c_uint32 * 32)(1, 128)
    call("perf_event_open", attributes, 0, -1, -1, ctypes.c_ulong(0))


@attempt
def userfaultfd(ground: Ground) -> None:
    call("userfaultfd", 1)


@attempt
def add_key(ground: Ground) -> None:
    call("add_key", b"user", b"model_host_test", b"x", ctypes.c_size_t(1), -2)


@attempt
def keyctl(ground: Ground) -> None:
    call("keyctl", 0, -2, 1)


@attempt
def personality(ground: Ground) -> None:
    call("personality", ctypes.c_ulong(0xFFFFFFFF))


@attempt
def raise_its_priority(ground: Ground) -> None:
    os.nice(0)


@attempt
def rename_the_machine(ground: Ground) -> None:
    socket.sethostname(socket.gethostname())


@attempt
def map_executable_memory(ground: Ground) -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


@prepared
def make_memory_executable(ground: Ground) -> Attempt:
    start = ctypes.c_char.from_buffer(mmap.mmap(-1, 4096))
    return lambda: checked(libc.mprotect(ctypes.byref(start), ctypes.c_size_t(4096), 5))


@attempt
def make_every_call_that_is_in_no_table(ground: Ground) -> None:
    """The filter, run: each number up to 1023 but those that it allows or looks at more closely."""
    table = seccomp
    looked_at = (*table.ALLOWED.values(), table.MMAP, table.MPROTECT, table.TGKILL)
    for number in set(range(1024)) - {pair[COLUMN] for pair in looked_at} - PROBES:
        words = [ctypes.c_long(number), *[ctypes.c_long(0)] * 6]
        if libc.syscall(*words) != -1 or ctypes.get_errno() != errno.EPERM:
            raise AssertionError(f"call {number} was not refused")
    raise OSError(errno.EPERM, "every one was refused")


@attempt
def return_from_a_probe_that_nobody_set(ground: Ground) -> None:
    for number in sorted(PROBES or {1024}, reverse=True):  # the first only answers ENXIO
        libc.syscall(number)
    raise OSError(ctypes.get_errno(), "it came back")


if platform.machine() == "x86_64":

    @prepared
    def call_the_kernel_as_a_32_bit_program(ground: Ground) -> Attempt:
        # mov eax, 20 (getpid there, writev here); int 0x80; ret
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
        start = ctypes.c_char.from_buffer(page)
        program = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(start))
        return lambda: checked(program() or ctypes.addressof(start))

    @attempt
    def call_the_kernel_by_x32_numbers(ground: Ground) -> None:
        checked(libc.syscall(0x40000000 + 39))


def outcome(ground: Ground, prepare: Callable[[Ground], Attempt], mode: str) -> str:
    """Forks a process that locks itself as ``mode`` says and then tries."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            _try(ground, prepare, mode, theirs.fileno())
        finally:
            os._exit(1)
    theirs.close()
    with ours:
        said = b"".join(iter(lambda: ours.recv(100), b"")).decode()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code < 0:
        return f"died of {signal.Signals(-code).name}"
    return said.removeprefix("{}") or f"said nothing, code {code}"


def _try(ground: Ground, prepare: Callable[[Ground], Attempt], mode: str, result: int) -> None:
    os.dup2(result, 3)
    try:
        action = prepare(ground)
    except OSError as error:
        os.write(3, f"could not even be prepared: {errno.errorcode[error.errno or 0]}".encode())
        return
    if mode.endswith("user"):
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    if mode.startswith("no filter"):
        seccomp.install = lambda libc: None
    if mode != "open":
        lockdown.strip(3)
        lockdown.limit(memory_bytes=2**28, cpu_seconds=10)
        lockdown.lock(parent=ground.victim)
    try:
        action()
    except OSError as error:
        os.write(3, errno.errorcode[error.errno or 0].encode())
    except AssertionError as error:
        os.write(3, str(error).encode())
    else:
        os.write(3, b"succeeded")


if __name__ == "__main__":
    package, folder = sys.argv[1:]
    spec = importlib.util.spec_from_file_location(
        "model_host", f"{package}/__init__.py", submodule_search_locations=[package]
    )
    assert spec
    assert spec.loader
    sys.modules["model_host"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    from model_host.locked import lockdown, seccomp

    here = Ground(Path(folder))
    lock = ["locked", *(["locked user"] if os.geteuid() == 0 else [])]
    behind = [mode.replace("locked", "no filter") for mode in lock]
    print(
        json.dumps(
            {
                name: {
                    mode: outcome(here, prepare, mode)
                    for mode in (lock if name in LOCKED_ONLY else ["open", *lock, *behind])
                }
                for name, prepare in ATTEMPTS.items()
            }
        )
    )
