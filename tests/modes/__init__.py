"""Two modes for the whole suite, each switched on by its variable; no test needs to know of them.

`LRWF_FRESH=1`: every wait, however short, suspends, and every suspension is gone on with by somebody who has nothing
but what was kept (`fresh`). `LRWF_TWICE=1`: every stretch of a handler is run twice, and must do the same (`twice`).

Each changes a few modules as they are imported (`switch`): in the process of the tests, and in every process that they
start with `settings()` in its environment.
"""
