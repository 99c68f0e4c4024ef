"""Runs Django commands one after the other in one process: importing the product costs seconds.

python -m config.stack.commands "migrate --no-input" "collect_static"
"""

import os
import shlex
import sys

from config.stack.errors import StackError


def main(lines: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import CommandError, call_command

    django.setup()
    for line in lines:
        try:
            call_command(*shlex.split(line))
        except CommandError as error:
            raise StackError(f"{line.split()[0]}: {error}") from None


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except StackError as error:
        sys.exit(str(error))
