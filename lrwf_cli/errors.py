"""Everything that can go wrong with a workflow, as classes that carry a sentence and a remedy.

The docstring of a class is its default message, so that there is no second copy to drift. `hint` is
one imperative sentence: what to do now. Which exit code a class leads to is the command line's matter.
"""

__all__ = [
    "CodeMissing",
    "CommandFailed",
    "CommandLost",
    "ConditionError",
    "ExecutorCrashed",
    "ExecutorTimeoutError",
    "ExpressionError",
    "FlowError",
    "FrameTooLarge",
    "HandlerEnded",
    "InputError",
    "InvalidRunId",
    "IterationLimit",
    "JournalCorrupt",
    "LrwfError",
    "MessageTypeError",
    "NeedsItsProgram",
    "NotDecodable",
    "NotEncodable",
    "NotKeepable",
    "NotYet",
    "PollTimeoutError",
    "ReplayDiverged",
    "RequestClosed",
    "RequestExpired",
    "ResponseRefused",
    "RunBusy",
    "RunConflict",
    "RunFailedError",
    "RunStuck",
    "SecretMissing",
    "StateDirectoryError",
    "StateFull",
    "StateNewer",
    "StateNotOurs",
    "StateUnwritable",
    "SuspensionRefused",
    "UndeclaredType",
    "UnknownRequest",
    "UnknownRun",
    "UnknownTarget",
    "UsageError",
    "WrongStatus",
]


class LrwfError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        """Take the sentence that says what is wrong (default: the docstring) and one on what to do."""
        self.message = message or (type(self).__doc__ or "").strip().partition("\n")[0].rstrip(".")
        self.hint = hint
        super().__init__(self.message)


class UsageError(LrwfError):
    """The command cannot be understood."""


class FlowError(UsageError):
    """The flow file is not valid.

    `problems` are sentences with `path:line:col` before them, each with its hint or `None`; the message
    is the first of them.
    """

    def __init__(self, *problems: tuple[str, str | None]) -> None:
        """Take one or more problems; all of them are shown."""
        self.problems = problems
        super().__init__(problems[0][0], hint=problems[0][1])


class NotYet(FlowError):
    """A key that is reserved and not built yet."""


class InputError(UsageError):
    """The run's input does not fit what the workflow declares.

    `problems` are sentences, each with its hint or `None`; the message is the first of them.
    """

    def __init__(
        self, message: str | None = None, *, hint: str | None = None, problems: tuple[tuple[str, str | None], ...] = ()
    ) -> None:
        """Take one problem as a message and a hint, or several as `problems`; all of them are shown."""
        if problems:
            message, hint = problems[0]
        super().__init__(message, hint=hint)
        self.problems = problems or ((self.message, hint),)


class InvalidRunId(UsageError):
    """A run id has small letters, digits, `-` and `_`, begins with a letter or digit, and has at most 64."""


class UnknownRun(LrwfError):
    """There is no such run."""


class RunBusy(LrwfError):
    """Another process drives the run."""


class RunConflict(LrwfError):
    """There is a run of that id with another input."""


class WrongStatus(LrwfError):
    """The run's status does not allow that."""


class StateDirectoryError(LrwfError):
    """The state directory cannot be used."""


class JournalCorrupt(StateDirectoryError):
    """A journal is damaged."""


class StateFull(StateDirectoryError):
    """The disk that holds the state directory is full."""


class StateNewer(StateDirectoryError):
    """The state directory has a newer format than this version reads."""


class StateNotOurs(StateDirectoryError):
    """The state directory belongs to someone else, or others may write to it."""


class StateUnwritable(StateDirectoryError):
    """The state directory cannot be written."""


class FrameTooLarge(LrwfError):
    """What would be committed at once is larger than a frame may be."""


class CodeMissing(LrwfError):
    """The code that the run needs is not there."""


class NeedsItsProgram(LrwfError):
    """The run was built by a program, and only that program can drive it."""


class NotEncodable(LrwfError):
    """A value cannot be kept."""


class NotDecodable(LrwfError):
    """A kept value cannot be read: its type is not known here, or has changed."""


class UndeclaredType(LrwfError, TypeError):
    """A handler sends or yields what its `WorkflowContext[...]` does not declare."""


class HandlerEnded(LrwfError):
    """A handler's context was used after the handler had ended."""


class MessageTypeError(LrwfError):
    """A message has a type that its target does not handle."""


class UnknownTarget(LrwfError):
    """A message is addressed to an executor that no edge reaches."""


class ExpressionError(LrwfError):
    """An expression has no value."""


class ConditionError(LrwfError):
    """A condition of an edge raised."""


class IterationLimit(LrwfError):
    """The run is deeper than `max_iterations` allows."""


class RunFailedError(LrwfError):
    """The run did not complete."""


class RunStuck(LrwfError):
    """Nothing is left to do but a fan-in that waits for a silent source."""


class ExecutorCrashed(LrwfError):
    """A handler ended its process again and again."""


class ReplayDiverged(LrwfError):
    """On its way back to where it was, a handler came by another place than was kept."""


class NotKeepable(LrwfError):
    """What an await returned or raised cannot be kept, so that it would have to be run again."""


class SuspensionRefused(LrwfError):
    """A handler cannot suspend where it stands."""


class ExecutorTimeoutError(LrwfError, TimeoutError):
    """An executor was past one of its limits of time."""


class PollTimeoutError(LrwfError, TimeoutError):
    """What was polled was not complete in time.

    `status` is the last one as text (`None`: there was none), `checks` how many there were, `elapsed_s` the seconds
    since the first.
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        hint: str | None = None,
        status: str | None = None,
        checks: int = 0,
        elapsed_s: float = 0.0,
    ) -> None:
        """Take what is wrong, and how far the poll has come."""
        super().__init__(message, hint=hint)
        self.status = status
        self.checks = checks
        self.elapsed_s = elapsed_s


class RequestExpired(LrwfError):
    """Nobody answered a request in time, and it has no default."""


class UnknownRequest(LrwfError):
    """There is no such request."""


class RequestClosed(LrwfError):
    """The request has an answer, or can have none any more."""


class ResponseRefused(UsageError):
    """A response does not fit what was asked, or comes from somebody who may not answer."""


class CommandFailed(LrwfError):
    """A command ended with an exit code that is not 0.

    `exit_code` is negative if a signal ended it; `stderr` is the end of what it said.
    """

    def __init__(
        self, message: str | None = None, *, hint: str | None = None, exit_code: int | None = None, stderr: str = ""
    ) -> None:
        """Take what is wrong, and how the command ended."""
        super().__init__(message, hint=hint)
        self.exit_code = exit_code
        self.stderr = stderr


class CommandLost(LrwfError):
    """A command is gone, and has left no word of how it ended.

    `rebooted`: it was the machine that went down, or whoever ends its services.
    """

    def __init__(self, message: str | None = None, *, hint: str | None = None, rebooted: bool = False) -> None:
        """Take what is known, and whose doing it was."""
        super().__init__(message, hint=hint)
        self.rebooted = rebooted


class BackgroundLost(LrwfError):
    """Nobody knows how background work that a handler waits for has ended."""


class BackgroundCancelled(LrwfError):
    """Background work that a handler waits for was told to end."""


class SecretMissing(LrwfError):
    """A secret that a command needs cannot be read."""
