"""Whether the secrets of a flow can be read where a run is about to begin: found out before anything is written."""

from collections.abc import Iterator, Mapping

from msgspec import UNSET
from msgspec.structs import replace

from lrwf_cli.errors import SecretMissing
from lrwf_cli.executors.commands import environment
from lrwf_cli.executors.commands.environment import Surroundings
from lrwf_cli.flow.kinds import Secret
from lrwf_cli.flow.load import LoadedFlow
from lrwf_cli.flow.problems import Problems
from lrwf_cli.flow.tree import Path

__all__ = ["check_secrets", "sources"]


def sources(secrets: Mapping[str, Secret]) -> dict[str, environment.Secret]:
    """Return where secrets are found, as commands take it."""
    return {
        name: environment.Secret(
            env=None if secret.env is UNSET else secret.env, file=None if secret.file is UNSET else secret.file
        )
        for name, secret in secrets.items()
    }


def check_secrets(loaded: LoadedFlow, base: Surroundings, problems: Problems) -> None:
    """Add every secret that cannot be read, with its place."""
    for name, secret, path in _declared(loaded):
        try:
            replace(base, secrets=sources({name: secret})).read_secrets()
        except SecretMissing as error:
            hint = "set it where you are, or name a file that has it; a tick from cron needs it too"
            problems.add(loaded.root.place(path), error.message, hint)


def _declared(loaded: LoadedFlow) -> Iterator[tuple[str, Secret, Path]]:
    """Yield the secrets of a flow and of its executors, with their places."""
    of_executors = ((each.secrets, ("executors", name, "secrets")) for name, each in loaded.flow.executors.items())
    levels: list[tuple[object, Path]] = [(loaded.flow.secrets, ("secrets",)), *of_executors]
    for secrets, path in levels:
        for name, secret in secrets.items() if isinstance(secrets, dict) else ():
            yield name, secret, (*path, name)
