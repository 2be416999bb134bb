"""Why something failed, as a value."""

import msgspec

__all__ = ["Failure"]


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why something failed. `type` is the bare class name; `mro` the names that policies match."""

    type: str
    message: str
    executor: str | None = None
    attempt: int | None = None
    exit_code: int | None = None
    hint: str | None = None
    mro: tuple[str, ...] = ()
