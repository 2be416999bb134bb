"""Start one program and write down what it cost: `python -I -S launch.py REPORT PROGRAM [ARGUMENT]...`.

A process of its own, and a small one: the peak memory that the kernel reports for a child is never less than what
its parent had when it was started. Imports nothing but what an interpreter has loaded anyway, and `time`.
"""

import os
import sys
import time


def main(report: str, *argv: str) -> None:
    """Run `argv` to its end, then write exit code, wall seconds, CPU seconds and peak memory in bytes to `report`.

    CPU and memory include the processes that the program has started and waited for.
    """
    began = time.perf_counter()
    pid = os.posix_spawnp(argv[0], argv, os.environ)
    _, status, usage = os.wait4(pid, 0)
    wall_s = time.perf_counter() - began
    peak = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
    with open(report, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib would add to what is measured
        file.write(f"{os.waitstatus_to_exitcode(status)} {wall_s} {usage.ru_utime + usage.ru_stime} {peak}")


if __name__ == "__main__":
    main(*sys.argv[1:])
