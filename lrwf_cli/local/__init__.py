"""The wiring: engine, file store and Python invoker put together on this machine.

`prepare` turns a flow file or a built workflow into something that can `begin`; `assemble` does so for a run that
began earlier, from what it is pinned to; `drive` drives; `code` looks after pinned modules; `built` is behind
`Workflow.run`. Everything that is not deterministic (ids, process, user) comes from here.
"""
