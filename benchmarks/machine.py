"""What was measured on, with what, and when: figures without these say nothing."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.environments import peer_packages, versions
from benchmarks.table import Section

__all__ = ["describe", "filesystem"]

_AUXILIARY = frozenset({"pip", "setuptools", "wheel"})


def describe(folder: Path, load: float) -> Section:
    """Return machine, date and versions. `load` is what the machine was busy with before anything was measured."""
    ours, theirs = versions()
    rows = (
        ("measured on", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load average {load:.2f} at the start"),
        ("machine", f"{_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}, {filesystem(folder)}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("lrwf", ", ".join(f"{name} {number}" for name, number in ours.items() if name not in _AUXILIARY)),
        ("peers", ", ".join(f"{name} {theirs[name]}" for name in peer_packages())),
    )
    return Section("machine", ("", ""), rows)


def filesystem(folder: Path) -> str:
    """Return the type and the device of the file system that `folder` is on; `unknown` where the kernel has no list."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return "unknown file system"
    place = folder.resolve()
    above = [mount for mount in mounts if place.is_relative_to(mount[1])]
    device, _, kind, *_ = max(above, key=lambda mount: len(mount[1]))
    return f"{kind} on {device}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
