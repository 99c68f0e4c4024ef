"""The launcher of one part of the stack: drops rights, ties its life to the supervisor's, then
execs. Files that it writes are readable by its own account only.

    python -I -S launcher.py PARENT SIGNAL UID:GID COMMAND [ARGUMENT ...]

Run as a file, by itself: it must not import the product. The signal arrives when the supervisor
dies, however it dies; it is asked for after the change of user, which would clear it.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, death_signal, account, *command = sys.argv[1:]
    uid, gid = map(int, account.split(":"))
    if os.getuid() != uid:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("the supervisor is gone")
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


main()
