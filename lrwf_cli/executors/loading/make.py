"""From what `uses:` names to the executor of one run: `with:` as keyword arguments, errors that name them."""

import copy
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from lrwf_cli.errors import FlowError, LrwfError
from lrwf_cli.executors.api import Executor, FunctionExecutor
from lrwf_cli.executors.failures import summary

__all__ = ["make_executor", "nearest"]


def make_executor(target: Any, id: str, with_: Mapping[str, Any] | None = None) -> Executor:  # noqa: A002 - as in Executor
    """Return an executor called `id`, new for one run.

    A class is called with `with_` as keyword arguments, and with `id` when its constructor takes one. An executor
    that a module made itself is copied, and takes no arguments. Raises FlowError, naming the argument.
    """
    options = dict(with_ or {})
    if isinstance(target, type):
        made = _constructed(target, id, options)
    elif options:
        raise FlowError(
            (f"executor `{id}` is no class: it takes no {_listed(options)}", "remove `with:`, or use a class")
        )
    else:
        made = target.with_id(id) if isinstance(target, FunctionExecutor) else _copied(target, id)
    made.id = id
    return made


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the word of `known` that was probably meant; `None`: none is near."""
    import difflib

    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def _copied(target: Executor, name: str) -> Executor:
    try:
        return copy.deepcopy(target)
    except Exception as error:
        raise FlowError(
            (f"executor `{name}` cannot be copied for a run of its own: {summary(error)}", "use its class instead")
        ) from error


def _constructed(cls: type[Executor], name: str, options: dict[str, Any]) -> Executor:
    parameters = _parameters(cls)
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    known = [each.name for each in parameters.values() if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD)]
    if not takes_any:
        _check_known(cls, name, options, known)
    arguments = {"id": name, **options} if "id" in known or takes_any else options
    missing = [each for each in known if parameters[each].default is inspect.Parameter.empty and each not in arguments]
    if missing:
        raise FlowError((f"executor `{name}` needs {_listed(missing)}", f"add it: `with: {{{missing[0]}: ...}}`"))
    try:
        made = cls(**arguments)
    except (LrwfError, KeyboardInterrupt):
        raise
    except BaseException as error:  # an exit too: it would end, without a word, whoever makes the executor
        given = f" with {_listed(options)}" if options else ""
        raise FlowError(
            (
                f"executor `{name}` cannot be made{given}: {summary(error)}",
                f"mend `with:`, or `{cls.__name__}.__init__`",
            )
        ) from error
    return made


def _parameters(cls: type[Executor]) -> Mapping[str, inspect.Parameter]:
    """Return what the constructor takes, `self` left out."""
    return inspect.signature(cls).parameters


def _check_known(cls: type, name: str, options: Iterable[str], known: list[str]) -> None:
    for option in options:
        if option not in known:
            others = [each for each in known if each != "id"]
            near = nearest(option, others)
            listed = f"`{cls.__name__}` takes {_listed(others) if others else 'nothing'}"
            raise FlowError((f"executor `{name}` takes no `{option}`", f"did you mean `{near}`?" if near else listed))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
