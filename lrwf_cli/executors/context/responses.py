"""Answers to `ctx.request_info` as calls: which `@response_handler` gets one, with which values."""

from collections.abc import Callable
from functools import partial
from typing import Any

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.dispatch import Form, NotAType, best, forms_of
from lrwf_cli.core.handlers import Handler, Handlers
from lrwf_cli.core.model import RetryPolicy
from lrwf_cli.core.suspended import Request
from lrwf_cli.errors import LrwfError, MessageTypeError, NotDecodable, UsageError
from lrwf_cli.executors.api import Executor, handlers_of
from lrwf_cli.executors.base import Call
from lrwf_cli.executors.context.answers import form_of, tag_of
from lrwf_cli.executors.context.asks import unanswered

__all__ = ["expected_type", "response_call", "response_policy"]

_PLAIN = {cls.__name__: cls for cls in (str, int, float, bool, list, dict)}


def expected_type(handlers: Handlers, data: Any, response_type: Any) -> Any:
    """Return the type of the response to `data`: as it is given, else what its response handler takes.

    Raises UsageError if no response handler takes both, or several do and nothing says which.
    """
    asked = type(data).__qualname__
    responders = handlers.responders_for(data)
    if not responders:
        hint = f"write `@response_handler def ...(self, original_request: {asked}, response: ..., ctx)`"
        raise UsageError(f"no response handler takes the answer to a `{asked}`", hint=hint)
    if response_type is None:
        if len(responders) > 1:
            raise UsageError(f"several response handlers take answers to a `{asked}`", hint="give a `response_type`")
        return responders[0].response
    try:
        forms = forms_of(response_type, {})
    except (NotAType, NameError) as error:
        raise UsageError(f"`response_type` of a request is no type: {error}", hint="give a class") from error
    heard = tuple(form for responder in responders for form in responder.hears)
    for form in forms:
        if best(heard, form.cls, partial(_example, form)) is None:
            known = ", ".join(f"`{each.name}`" for each in heard)
            hint = f"the response handlers for it take {known}"
            raise UsageError(f"no response handler takes a `{form.name}` as the answer to a `{asked}`", hint=hint)
    return response_type


def _example(form: Form) -> Any:
    return form.only[0] if form.only else None


def response_call(executor: Executor, call: Call, codec: Codec) -> tuple[Handler, tuple[Any, Any]]:
    """Return the response handler for the answer that `call` brings, and what it is called with besides the context.

    Raises RequestExpired for a request that nobody answered and that has no default, ResponseRefused for an answer
    that cannot be made what the handler takes, MessageTypeError if no response handler takes it.
    """
    request = next(request for request in call.requests if request.id == call.delivery.answers)
    asked = codec.decode(call.resolve(request.ask.data))
    response = _response(handlers_of(executor), request, asked, codec, call.resolve)
    responder = handlers_of(executor).find_responder(asked, response)
    if responder is None:
        raise MessageTypeError(
            f"no response handler of `{call.delivery.executor}` takes a `{type(response).__qualname__}` as the answer "
            f"to a `{type(asked).__qualname__}`",
            hint="add one, or ask with another `response_type`",
        )
    return responder, (asked, response)


def response_policy(executor: Executor, call: Call, codec: Codec) -> RetryPolicy | None:
    """Return the `@retry` of the response handler for the answer that `call` brings; `None`: there is none."""
    try:
        return response_call(executor, call, codec)[0].retry
    except LrwfError:  # what there is no handler for is not retried anyway
        return None


def _response(handlers: Handlers, request: Request, asked: Any, codec: Codec, resolve: Callable[[Any], Any]) -> Any:
    answer = request.answer
    if answer is None or answer.expired:
        return unanswered(request, codec, resolve)
    kind = _type_of(request.ask.response_type, handlers.responders_for(asked), codec)
    return form_of(kind, request.ask.choices or None).value(resolve(answer.value), resolve(answer.data))


def _type_of(tag: str | None, responders: tuple[Handler, ...], codec: Codec) -> Any:
    """Return the type that was asked for: that of a response handler of this name, else of a class that is known."""
    for responder in responders:
        if tag_of(responder.response, codec) == tag:
            return responder.response
    if tag is None:
        return None
    try:
        return _PLAIN.get(tag) or codec.tag_entry(tag)[0]
    except NotDecodable:
        return None
