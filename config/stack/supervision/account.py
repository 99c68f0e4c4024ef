"""The account that a server runs as: PostgreSQL refuses to run as root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from config.stack.errors import StackError


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int

    def can_enter(self, path: Path) -> bool:
        """Return whether this account may enter a folder or run a program, all parents included."""
        command = ["/bin/sh", "-c", 'test -x "$0"', str(path)]  # whatever the PATH is
        answer = subprocess.run(command, user=self.uid, group=self.gid, extra_groups=[])
        return answer.returncode == 0


def unprivileged() -> Account | None:
    """Return the existing account that root hands a server to; None for anybody but root."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise StackError(
            "PostgreSQL refuses to run as root and this machine has no account `nobody`: "
            "run as another user, or set DATABASE_URL to a server of your own."
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)
