"""The command line. Every failure is one line on stderr; exit codes: 0 done, 1 failed, 2 used wrongly."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from monkeyvl.errors import MonkeyVLError

INTERRUPTED = 130  # as shells report a process ended by Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `monkeyvl` with the given arguments (default: the process's own) and returns its exit code."""
    from typer import Abort

    from monkeyvl.cli.app import command

    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = command().main(args=arguments or ["--help"], prog_name="monkeyvl", standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt  # typer has swallowed it
        sys.stdout.flush()  # here a reader that has left is no error
        return code if isinstance(code, int) else 0
    except MonkeyVLError as error:
        return fail(str(error), error.exit_code)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return fail(f"{error.filename or 'the system'}: {error.strerror or error}", 1)
    except (KeyboardInterrupt, Abort):
        return fail("interrupted", INTERRUPTED)
    except Exception as error:
        # Errors of the argument parser are told by what they can do: whether their classes are click's or
        # typer's own depends on typer's version. Anything else is a bug and shows its traceback.
        if hasattr(error, "format_message"):
            context = getattr(error, "ctx", None)
            where = context.command_path if context else "monkeyvl"
            return fail(f"{error.format_message()} (see {where} --help)", getattr(error, "exit_code", 2))
        raise


def fail(message: str, code: int) -> int:
    """Prints one line on stderr and returns the exit code."""
    print(f"monkeyvl: {' '.join(message.split())}", file=sys.stderr)
    return code
