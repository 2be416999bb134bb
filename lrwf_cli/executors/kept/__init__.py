"""Kept awaits: a handler that suspends is run again from its top, and what it has awaited is read instead of run.

From the source to the suspension: `syntax` changes an `async def`, `codes` remembers which were, `runtime` is what
they call. A `Lane` (`lanes`) is a line of execution; it has a stack of `activations`, and `steps` drives it. What its
awaits return is named (`digests`), encoded (`raised`, the codec), ordered (`turns`) and gathered (`ledger`). An
`Invocation` (`invocation`) is all lanes of one handler; `quiet` knows when none of them can run. `frames` tells who
asks, `refusals` why not.
"""
