"""The program `lrwf`. What has to start fast is found out here, before click is imported; the rest is `cli/`'s.

A tick with nothing to do ends here: cron calls it every minute for years, so nothing is imported on that way but
`os`, `sys`, `time` and what scans the names of the timers. `status RUN` goes to its module without the parser.
"""

import os
import sys

__all__ = ["default_state_dir", "main"]

_NOTHING_DUE = '{\n  "due": 0,\n  "advanced": 0,\n  "busy": 0,\n  "failed": 0,\n  "runs": []\n}\n'
_SWITCHES = {"-q": -1, "--quiet": -1, "-v": 1, "--verbose": 1, "--json": 0}


def main(argv: list[str] | None = None) -> int:
    """Run the command in `argv` (without the program's name; `None`: this process's) and return its exit code."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_nowhere()
    try:
        arguments = sys.argv[1:] if argv is None else argv
        words, options = _plain(arguments)
        as_json = "--json" in arguments
        if words == ["tick"] and _is_idle(options.get("--state-dir") or default_state_dir()):
            if as_json:
                sys.stdout.write(_NOTHING_DUE)
            return 0
        if words[:1] == ["status"] and len(words) == 2 and "--jobs" not in options:
            from lrwf_cli.cli.standing import show_at_once

            return show_at_once(words[1], options.get("--state-dir") or default_state_dir(), as_json=as_json)
        if argv is None:
            from lrwf_cli.cli.garbage import loading_begins

            loading_begins()
        from lrwf_cli.cli.app import call

        return call(arguments, default_state_dir)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130


def default_state_dir() -> str:
    """Return where runs are kept unless `--state-dir` says otherwise: `LRWF_STATE_DIR`, else the user's place.

    The same as `platformdirs.user_state_dir("lrwf")`, which is asked only where it is not plain what it would say.
    """
    if chosen := os.environ.get("LRWF_STATE_DIR"):
        return chosen
    base, home = os.environ.get("XDG_STATE_HOME", ""), os.environ.get("HOME", "")
    if sys.platform == "linux" and (base[:1] == "/" or (not base and home[:1] == "/")):
        base = base or home.rstrip("/") + "/.local/state"
        return os.path.join(base, "lrwf")  # noqa: PTH118  (pathlib takes longer than the whole scan)
    import platformdirs

    return platformdirs.user_state_dir("lrwf")


def _open_nowhere() -> None:
    """Put the null device where this process was started without a standard stream.

    Else a journal would be the next file to get that number, and have in it what a library prints.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)  # noqa: FBT003  (positional only)
    os.close(fd)
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def _is_idle(path: str) -> bool:
    """Whether nothing is due in the state directory `path`; its heartbeat is touched then."""
    from time import time

    from lrwf_cli.store.idle import anything_due, heartbeat

    if anything_due(path, time()):
        return False
    try:
        heartbeat(path)
    except OSError:
        return False  # the whole command says what is the matter
    return True


def _plain(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the words of a command line and its options with a value; no words if it has options unknown here."""
    words: list[str] = []
    options: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name in {"--state-dir", "--jobs"}:
            options[name] = value if equals else next(rest, "")
            if not options[name] or (name == "--jobs" and not _is_positive(options[name])):
                return [], {}
        elif argument[:1] != "-":
            words.append(argument)
        elif argument not in _SWITCHES:
            return [], {}
    return words, options


def _is_positive(number: str) -> bool:
    return number.isascii() and number.isdigit() and int(number) > 0


if __name__ == "__main__":
    sys.exit(main())
