"""The pure machine: what a workflow is, what happened to a run, and what follows.

No files, clock, randomness, asyncio, YAML or terminal here: time and everything else that varies
comes in as an argument. Besides the standard library's data modules only `msgspec.Struct` is used,
as the declaration of frozen values (a dataclass of the same shape takes forty times as long to
create, which a cron line would pay every minute).
"""
