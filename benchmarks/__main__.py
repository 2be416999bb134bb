"""The program: `python -m benchmarks [--quick] [--only NAME]... [--no-write]`. Compares, prints, writes it down."""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Protocol

from benchmarks import chain, commands, floor, machine, rally, resume
from benchmarks.environments import ROOT
from benchmarks.table import Section, markdown, placed
from lrwf_cli.errors import LrwfError

DOCUMENT = ROOT / "docs" / "performance.md"


class Comparison(Protocol):
    """Measures in `folder`, which is empty and on a real disk; `quick`: with the fewest rounds that say anything."""

    def __call__(self, folder: Path, *, quick: bool) -> Section:
        """Return what was found."""


COMPARISONS: dict[str, Comparison] = {
    "floor": floor.compare,
    "rally": rally.compare,
    "chain": chain.compare,
    "commands": commands.compare,
    "resume": resume.compare,
}


def main() -> int:
    """Run the comparisons that were asked for; 1 if an aim was missed, 2 if something could not be measured."""
    options = _parser().parse_args()
    load = os.getloadavg()[0]
    try:
        with tempfile.TemporaryDirectory(prefix=".bench-", dir=ROOT) as place:
            sections = [_measured(name, Path(place), quick=options.quick) for name in options.only or COMPARISONS]
            sections.append(machine.describe(Path(place), load))
        if not (options.no_write or options.quick):
            _write(sections)
    except LrwfError as error:
        print(f"error: {error}", f"  hint: {error.hint}" if error.hint else "", sep="\n", file=sys.stderr)
        return 2
    return 0 if all(aim.reached for section in sections for aim in section.aims) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, nothing written: to see that it works")
    parser.add_argument("--only", action="append", choices=COMPARISONS, help="this comparison; may be repeated")
    parser.add_argument("--no-write", action="store_true", help=f"leave {DOCUMENT.relative_to(ROOT)} alone")
    return parser


def _measured(name: str, place: Path, *, quick: bool) -> Section:
    print(f"{name} ", end="", file=sys.stderr, flush=True)
    folder = place / name
    folder.mkdir()
    section = COMPARISONS[name](folder, quick=quick)
    print(f"\n## {name}\n\n{markdown(section)}\n", flush=True)
    return section


def _write(sections: list[Section]) -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    for section in sections:
        document = placed(document, section.name, markdown(section))
    DOCUMENT.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
