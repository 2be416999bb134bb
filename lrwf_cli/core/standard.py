"""How values of the standard library's data types are kept: each as something plainer, under a short tag."""

from binascii import a2b_base64, b2a_base64
from collections import Counter, OrderedDict, deque
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any

from lrwf_cli.core.kinds import Adapter, Unkeepable

__all__ = ["STANDARD"]


def _text_of(value: bytes | bytearray) -> str:
    return b2a_base64(value, newline=False).decode()


def _zone(zone: tzinfo | None) -> Any:
    """Return a zone's plain form: its IANA name, or what a fixed offset was made of."""
    if zone is None:
        return None
    if type(zone) is timezone:
        return list(zone.__getinitargs__())  # type: ignore[attr-defined]  # there for pickle, unknown to typeshed
    from zoneinfo import ZoneInfo

    if type(zone) is ZoneInfo and zone.key is not None:
        return zone.key
    raise Unkeepable(zone, "use `zoneinfo.ZoneInfo` or `datetime.timezone`")


def _zone_from(plain: Any) -> tzinfo | None:
    if plain is None:
        return None
    if isinstance(plain, str):
        from zoneinfo import ZoneInfo

        return ZoneInfo(plain)
    return timezone(*plain)


def _moment(value: datetime | time) -> Any:
    """Return ISO 8601 where that says everything; else the wall clock, the zone and the fold."""
    if value.fold == 0 and (value.tzinfo is None or value.tzinfo is timezone.utc):  # noqa: UP017 - the type is in use
        return value.isoformat()
    return [value.replace(tzinfo=None, fold=0).isoformat(), _zone(value.tzinfo), value.fold]


def _datetime_from(plain: Any) -> datetime:
    if isinstance(plain, str):
        return datetime.fromisoformat(plain)
    wall, zone, fold = plain
    return datetime.fromisoformat(wall).replace(tzinfo=_zone_from(zone), fold=fold)


def _time_from(plain: Any) -> time:
    if isinstance(plain, str):
        return time.fromisoformat(plain)
    wall, zone, fold = plain
    return time.fromisoformat(wall).replace(tzinfo=_zone_from(zone), fold=fold)


STANDARD: dict[type, tuple[str, Adapter]] = {
    tuple: ("tuple", Adapter(list, tuple)),
    bytes: ("bytes", Adapter(_text_of, a2b_base64)),
    bytearray: ("bytearray", Adapter(_text_of, lambda text: bytearray(a2b_base64(text)))),
    complex: ("complex", Adapter(lambda number: [number.real, number.imag], lambda parts: complex(*parts))),
    Decimal: ("Decimal", Adapter(str, Decimal)),
    datetime: ("datetime", Adapter(_moment, _datetime_from)),
    date: ("date", Adapter(date.isoformat, date.fromisoformat)),
    time: ("time", Adapter(_moment, _time_from)),
    timedelta: ("timedelta", Adapter(lambda d: [d.days, d.seconds, d.microseconds], lambda parts: timedelta(*parts))),
    Counter: ("Counter", Adapter(dict, Counter)),
    OrderedDict: ("OrderedDict", Adapter(dict, OrderedDict)),
    deque: ("deque", Adapter(lambda queue: [list(queue), queue.maxlen], lambda parts: deque(*parts))),
}
"""Exact types only: an instance of a subclass would come back as something else."""
