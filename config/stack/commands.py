"""The process that runs Django commands one after the other: importing the product takes seconds.

python -m config.stack.commands "migrate --no-input" "-a_command_that_may_fail"
"""

import os
import shlex
import sys

from config.stack.errors import StackError


def main(lines: list[str]) -> None:
    """Run each line; StackError with the command's own message if one fails that may not."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.core.management import CommandError, call_command

    django.setup()
    for line in lines:
        may_fail = line.startswith("-")
        name, *arguments = shlex.split(line.removeprefix("-"))
        try:
            call_command(name, *arguments)
        except (CommandError, SystemExit) as error:
            if may_fail:
                print(f"{name}: {error}")
            elif isinstance(error, CommandError) or error.code:
                raise StackError(f"{name}: {error}") from None


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except StackError as error:
        sys.exit(str(error))
