"""What a command finds around it: where it starts, and the environment that it sees, which is short and known.

PATH and locale are those of where the run began, so that it is the same under cron. Of the environment of whoever
drives the run a command sees HOME, USER and TMPDIR, and what is asked for by name. Secrets are read when a command
starts, and are stored nowhere.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from lrwf_cli.errors import SecretMissing

__all__ = ["Secret", "Surroundings", "Variables"]

_OF_THE_DRIVER = ("HOME", "USER", "TMPDIR")
_MAX_SECRET = 64 << 10


class Secret(msgspec.Struct, frozen=True):
    """Where a secret is read from: a variable of the driver's environment, or a file. One of the two."""

    env: str | None = None
    file: str | None = None


class Surroundings(msgspec.Struct, frozen=True):
    """What all commands of a run have around them, for one executor. Plain values, known when a run is put together.

    They start in `folder`, which is the flow's; `cwd` is where the run began, `path` and `locale` what was there then.
    `passed` are names to pass on from the driver's environment, where they are set. A secret's file is as seen from
    `folder`.
    """

    folder: str
    cwd: str = ""
    path: str = ""
    locale: Mapping[str, str] = {}
    passed: tuple[str, ...] = ()
    secrets: Mapping[str, Secret] = {}

    def variables(
        self, declared: Mapping[str, str], secrets: Mapping[str, str], facts: Mapping[str, str]
    ) -> dict[str, str]:
        """Return what a command sees. `secrets` win over what is `declared` (`env:`), `facts` (`LRWF_*`) over both."""
        base = {"PATH": self.path or os.environ.get("PATH", os.defpath), **self.locale}
        passed = {name: os.environ[name] for name in (*_OF_THE_DRIVER, *self.passed) if name in os.environ}
        home = {} if "HOME" in passed else {"HOME": _home()}
        return {**base, **home, **passed, **declared, **secrets, "LRWF_CWD": self.cwd, **facts}

    def read_secrets(self) -> dict[str, str]:
        """Return the secrets by the name under which a command sees them. Raises SecretMissing."""
        return {name: self._read(name, secret) for name, secret in self.secrets.items()}

    def _read(self, name: str, secret: Secret) -> str:
        value, where = (
            (os.environ.get(secret.env, ""), f"the environment has no `{secret.env}`")
            if secret.env is not None
            else self._read_file(secret.file or "")
        )
        if not value or "\0" in value:
            raise SecretMissing(
                f"the secret `{name}` cannot be read: {where}",
                hint="give it to whoever drives the run (a crontab has its own environment), then: lrwf resume RUN",
            )
        return value

    def _read_file(self, file: str) -> tuple[str, str]:
        """Return the text of a file, less one newline, and what is wrong if that is nothing."""
        path = os.path.join(self.folder, os.path.expanduser(file))  # noqa: PTH111, PTH118 - pathlib is not worth its import
        try:
            with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:  # noqa: PTH123 - as above
                data = opened.read(_MAX_SECRET)
        except OSError as error:
            return "", f"{path}: {error.strerror}"
        text = data.decode(errors="surrogateescape")
        return text.removesuffix("\n").removesuffix("\r"), f"{path} is empty, or no text"


class Variables(msgspec.Struct, frozen=True):
    """The variables that somebody gets: secrets and names to pass on, and `values`, for what is seen of a message."""

    around: Surroundings
    values: Mapping[str, Callable[[Mapping[str, Any]], str]] = {}


def _home() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"  # a container's uid may have no name
