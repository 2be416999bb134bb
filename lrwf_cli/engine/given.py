"""What an engine is given to drive runs with: who it is, how a run is handled, who looks on."""

import os
from collections.abc import Callable

import msgspec

from lrwf_cli.core.model import Workflow
from lrwf_cli.core.run import Run
from lrwf_cli.engine.beside import Backgrounds
from lrwf_cli.engine.strays import Sweep
from lrwf_cli.engine.telling import Tell
from lrwf_cli.executors.base import Invoker
from lrwf_cli.store.base import Frame, Held

__all__ = ["MAIL_EVERY_S", "Assemble", "Assembly", "Observer", "Process"]

Observer = Callable[[Frame, Run], None]
"""Called after each frame is durable, with the run as of it; must not change the run."""


MAIL_EVERY_S = 0.5
"""How often a driver that waits for its handlers looks for letters, in seconds."""


class Process(msgspec.Struct, frozen=True):
    """Who drives: what tells a crash of this process from a reboot of its machine.

    `mail_every_s` is how often it looks for letters while its handlers are at work; `None`: only when told to (`look`).
    `sweep` ends what earlier drivers have left running for nobody; `None`: no command outlives its driver.
    """

    boot_id: str
    pid: int = msgspec.field(default_factory=os.getpid)
    mail_every_s: float | None = MAIL_EVERY_S
    sweep: Sweep | None = None


class Assembly(msgspec.Struct, frozen=True):
    """What it takes to drive a run: its workflow, someone who handles its deliveries, someone who tells its news.

    `backgrounds` does what is done beside it.
    """

    workflow: Workflow
    invoker: Invoker
    tell: Tell | None = None
    backgrounds: Backgrounds | None = None


Assemble = Callable[[Held, str], Assembly]
"""Makes the assembly of a held run from its pinned definition. Raises LrwfError if that is not possible."""
