"""`lrwf status`: how one run stands. Reads, and leaves no trace; must start fast."""

from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.options import run_argument
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.standing import show

__all__ = ["command"]


@make("status")
@run_argument
def command(session: Session, run: str) -> int:
    """Show how a run stands."""
    return show(session, run)
