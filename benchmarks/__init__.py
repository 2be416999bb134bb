"""What lrwf costs, beside the disk under it and the tools people use instead: `python -m benchmarks`.

One module a comparison; `process` measures, `contest` interleaves, `figures` sums up, `table` writes it down. Nothing
here is part of the tests: figures depend on the machine, and the tests must not.
"""
