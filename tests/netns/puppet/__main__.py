# SPDX-License-Identifier: Apache-2.0
"""
puppet - one process in one namespace, doing with sockets what a test says.

Reads one command a line on standard input and writes one line of answer on
standard output: "ok ..." or "err WHAT ...". WHAT is an errno name, or TIMEOUT
when the time the test gave ran out. Sockets have names and live until closed,
so that a test can hold a session over a policy change. lib.sh starts it;
"help" lists the commands.
"""
import shlex
import sys

import packets  # noqa: F401  (registers its commands)
import sockets  # noqa: F401
import wire  # noqa: F401
from core import COMMANDS, Refused, command, errname


@command
def help_():
    """help"""
    return " | ".join(f.__doc__ or n for n, f in COMMANDS.items())


def main():
    sys.stdout.reconfigure(line_buffering=True)
    for line in sys.stdin:
        words = shlex.split(line)
        if not words:
            continue
        try:
            text = COMMANDS[words[0]](*words[1:])
            print(("ok " + (text or "")).strip())
        except Refused as refusal:
            print(f"err {refusal}")
        except OSError as error:
            print(f"err {errname(error)}")
        except Exception as error:  # a bug in a test must not hang it
            print(f"err BUG {type(error).__name__}: {error}")


main()
