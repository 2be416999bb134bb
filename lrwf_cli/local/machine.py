"""What this machine, this process and this user are: facts that no core or engine may ask for itself."""

import os
import secrets
import sys
from pathlib import Path

from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Origin
from lrwf_cli.errors import UsageError
from lrwf_cli.version import VERSION

__all__ = ["boot_id", "caller", "origin", "random_suffix"]

_ALPHABET = "0123456789abcdefghijkmnpqrstuvwxyz"
"""Letters and digits that nobody takes for one another when read out aloud (no l, no o)."""

_LOCALE = ("LANG", "LANGUAGE", "TZ")


def boot_id() -> str:
    """Return what changes with each boot of this machine; where the kernel does not say, nothing does."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def caller() -> Person:
    """Return who runs this process: the user behind `sudo`, where there is one, is the name given."""
    uid = os.getuid()
    return Person(uid=uid, user=_user_name(uid), name=os.environ.get("SUDO_USER"))


def _user_name(uid: int) -> str | None:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None  # a container's uid may have no name


def random_suffix() -> str:
    """Return four letters or digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(4))


def _cwd() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        raise UsageError("the working directory is gone", hint="change to a folder that exists") from None


def origin(
    *,
    flow: str,
    folder: str,
    code: str | None,
    built: str | None = None,
    script: str | None = None,
    pins: tuple[str, ...] = (),
) -> Origin:
    """Return where a run begins that begins here and now."""
    locale = {key: value for key, value in os.environ.items() if key in _LOCALE or key.startswith("LC_")}
    return Origin(
        flow=flow,
        folder=folder,
        cwd=_cwd(),
        python=sys.executable,
        path=os.environ.get("PATH", ""),
        locale=locale,
        code=code,
        version=VERSION,
        built=built,
        script=script,
        pins=pins,
    )
