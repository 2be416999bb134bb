"""A mode for the whole suite: every wait, however short, suspends, and every suspension is resumed by somebody else.

`LRWF_FRESH=1 python -m pytest` switches it on. A driver then waits for nothing in its place; what is due within the
moment that it would have waited for is driven anew: with executors and modules that are made and loaded again, and for
a run of a flow file on disk in a process of its own. No test needs to know.
"""
