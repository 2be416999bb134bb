"""Whether an answer can be made what its handler takes: found out with the run's own code, before it stands."""

import sys

from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Ask
from lrwf_cli.errors import LrwfError
from lrwf_cli.flow.answers import Given
from lrwf_cli.store.base import Store

__all__ = ["check"]

_PLAIN = frozenset(cls.__name__ for cls in (str, int, float, bool, list, dict))


def check(store: Store, run: Run, ask: Ask, given: Given) -> None:
    """Raise ResponseRefused if an answer that fits what was asked is none all the same. Runs the author's imports.

    Where the run's code cannot be had here (another interpreter, a program of its own, code that is gone), nothing is
    found out: then it is for the handler to refuse.
    """
    tag = ask.response_type
    if tag is None or tag in _PLAIN or run.origin.python != sys.executable:
        return
    from lrwf_cli.executors.context.answers import form_of
    from lrwf_cli.local.assemble import parts_of

    try:
        kind, _ = parts_of(store, run, store.definition(run.id)).codec.tag_entry(tag)
    except LrwfError:
        return
    form_of(kind, ask.choices or None).value(given.value, given.data)
