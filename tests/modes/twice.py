"""The mode that runs every stretch twice, from the same kept awaits. A run that does not do the same is blocked."""

__all__ = ["change_invokers"]


def change_invokers() -> None:
    """Have every invoker of this process check."""
    from lrwf_cli.executors.invoke import PythonInvoker

    PythonInvoker.checks_replay = True
