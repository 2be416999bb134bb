"""Types that the codec learns besides those of its own list: paths, UUIDs, pydantic models, msgspec structs.

pydantic is never imported here: a flow that has models has imported it.
"""

import sys
from functools import partial
from pathlib import PosixPath, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID

import msgspec

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.kinds import Adapter
from lrwf_cli.executors.context.background import BackgroundTask

__all__ = ["teach"]


def teach(codec: Codec) -> Codec:
    """Register everything that this module knows with `codec`, and return it. Idempotent."""
    codec.register_adapter(UUID, "UUID", Adapter(str, UUID))
    codec.register_adapter(BackgroundTask, "BackgroundTask", Adapter(_parts, lambda parts: BackgroundTask(*parts)))
    for path in (PosixPath, PurePosixPath, PureWindowsPath):
        codec.register_adapter(path, path.__name__, Adapter(str, path))
    codec.register_kind(_pydantic_model)
    codec.register_kind(_msgspec_struct)
    return codec


def _parts(task: BackgroundTask) -> list[str]:
    return [task.lane, task.path, task.name]


def _pydantic_model(cls: type) -> Adapter | None:
    pydantic = sys.modules.get("pydantic")
    if pydantic is None or not issubclass(cls, pydantic.BaseModel):
        return None
    return Adapter(_model_parts, partial(_model_from, cls))


def _model_parts(model: Any) -> Any:
    """Return the fields where they are all there is; else with which were set, the extra and the private ones."""
    fields = dict(model.__dict__)
    set_, extra, private = model.__pydantic_fields_set__, model.__pydantic_extra__, model.__pydantic_private__
    if set_ == set(fields) and extra is None and private is None:
        return fields
    return [fields, set_, extra, private]


def _model_from(cls: Any, parts: Any) -> Any:
    """Put a model together without validating it: it was valid when it was taken apart."""
    fields, set_, extra, private = parts if isinstance(parts, list) else (parts, set(parts), None, None)
    for name, field in cls.model_fields.items():
        if name not in fields and not field.is_required():  # the class has got this field since
            fields[name] = field.get_default(call_default_factory=True)
    model = cls.__new__(cls)
    model.__setstate__(
        {
            "__dict__": fields,
            "__pydantic_fields_set__": set_,
            "__pydantic_extra__": extra,
            "__pydantic_private__": private,
        }
    )
    return model


def _msgspec_struct(cls: type) -> Adapter | None:
    if not issubclass(cls, msgspec.Struct):
        return None

    def encode(value: Any) -> dict[str, Any]:
        fields = ((name, getattr(value, name)) for name in cls.__struct_fields__)
        return {name: item for name, item in fields if item is not msgspec.UNSET}

    def decode(fields: dict[str, Any]) -> Any:
        # a struct cannot be made without its constructor; what its `__post_init__` changes is set right again
        value = cls(**fields)
        for name, item in fields.items():
            msgspec.structs.force_setattr(value, name, item)
        return value

    return Adapter(encode, decode)
