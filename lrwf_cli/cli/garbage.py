"""When the collector of cyclic garbage looks: hardly while a command loads, as usual while handlers are at work.

What is loaded stays until the process ends, and going through all of it again and again was a fifth of what a short
command costs. For the process of the program only: `main` called by another program leaves its collector alone.
"""

import atexit
import gc

__all__ = ["handlers_begin", "loading_begins"]

_HARDLY = 50_000
"""Objects that may come before a look; a command loads about as many."""

_USUAL = gc.get_threshold()


def loading_begins() -> None:
    """Have hardly any garbage be looked for from now on, and none when the process ends."""
    gc.set_threshold(_HARDLY)
    atexit.register(gc.freeze)


def handlers_begin() -> None:
    """Have garbage be looked for as usual, but not in what is there now. Idempotent; for the program's process only.

    What handlers leave behind may hold large values, so that it must not wait.
    """
    if gc.get_threshold()[0] == _HARDLY:
        gc.freeze()
        gc.set_threshold(*_USUAL)
