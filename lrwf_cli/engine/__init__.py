"""The one loop in which the core meets clock, store and executors. It sees ports, never adapters.

`driver` drives one run while it is held; `passes` takes runs up and lets them go (one, or all that are due);
`steer` does what a person asks of a run, whether or not a process drives it.
"""
