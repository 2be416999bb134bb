"""How a kept value is shown: as bare JSON, its tags dropped. For people and for `--json`; never read back."""

from lrwf_cli.core.model import Json

__all__ = ["plain"]


def plain(value: Json) -> Json:
    """Return an encoded value without its tags: a dataclass as its fields, a date as its text, a set as a list.

    A reference to a value that is kept elsewhere stays as it is.
    """
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "$type" not in value:
        return {key: plain(each) for key, each in value.items()}
    inner = value.get("value")
    if value["$type"] == "dict" and isinstance(inner, list):
        return {str(plain(key)): plain(each) for key, each in inner}
    return plain(inner)
