"""A person, as far as a run remembers one."""

import msgspec

__all__ = ["Person"]


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who asked for something: a uid of this machine, its name, and the name they gave."""

    uid: int | None = None
    user: str | None = None
    name: str | None = None
