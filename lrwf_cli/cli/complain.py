"""The end of every error: what is wrong and what to do, on stderr. A traceback only for a mistake of ours.

Knows no parser, so that commands that start fast end here too.
"""

import sys
from collections.abc import Callable, Iterator

from lrwf_cli.cli import exits
from lrwf_cli.cli.render import painted, safe, safe_lines
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.streams import let_go, make_printable
from lrwf_cli.errors import FlowError, InputError, LrwfError

__all__ = ["complain", "error_lines", "guarded", "interrupted"]

_HANG = 4


def guarded(session: Session, work: Callable[[], int]) -> int:
    """Return the exit code of `work`, or of what it raised, which is told."""
    make_printable()
    try:
        code = work()
        sys.stdout.flush()
    except BrokenPipeError:
        let_go(sys.stdout)
        return exits.DONE
    except KeyboardInterrupt:
        return interrupted(session)
    except LrwfError as error:
        return complain(session, error)
    except OSError as error:
        let_go(sys.stdout)
        return _complain_of_machine(session, error)
    except Exception as error:  # noqa: BLE001  (the last place where a mistake of ours can be told from a user's)
        return _complain_of_bug(session, error)
    return code


def interrupted(session: Session) -> int:
    """Say how it goes on after Ctrl-C; return the exit code."""
    safe_run = f": {session.driving} is safe on disk; `lrwf tick` goes on with it" if session.driving else ""
    session.complain(f"interrupted{safe_run}")
    return exits.INTERRUPTED


def complain(session: Session, error: LrwfError) -> int:
    """Print what is wrong, all of it, with what to do; return the exit code."""
    for message, hint in (
        error.problems if isinstance(error, FlowError | InputError) else ((error.message, error.hint),)
    ):
        _print(session, message, hint)
    return exits.code_of(error)


def _complain_of_machine(session: Session, error: OSError) -> int:
    """Print what the machine refused outside of the state directory; that within is the store's to tell."""
    name = f": {error.filename}" if error.filename else ""
    _print(session, f"{(error.strerror or str(error)).lower()}{name}", None)
    return exits.FAILED


def _complain_of_bug(session: Session, error: Exception) -> int:
    import traceback

    for line in "".join(traceback.format_exception(error)).splitlines():
        session.complain(safe(line))
    where = f"{session.path}/runs/" + (f"{session.run_id}/journal.jsonl" if session.run_id else "")
    hint = f"what was kept is safe; please report this, with the journal: {where}"
    _print(session, f"a mistake of lrwf itself: {type(error).__name__}: {error}", hint)
    return exits.FAILED


def _print(session: Session, message: str, hint: str | None) -> None:
    for line in error_lines(message, hint):
        session.complain(line, hang=_HANG)


def error_lines(message: str, *hints: str | None, word: str = "error", colour: str = "31") -> Iterator[str]:
    """Yield `error: ...` and a `  hint: ...` for each hint; further lines of a text are indented below its first."""
    first, *more = safe_lines(message)
    yield f"{painted(f'{word}:', colour, sys.stderr)} {first}"
    yield from (f"  {line}" for line in more)
    for hint in filter(None, hints):
        first, *more = safe_lines(hint)
        yield f"  {painted('hint:', '36', sys.stderr)} {first}"
        yield from (f"    {line}" for line in more)
