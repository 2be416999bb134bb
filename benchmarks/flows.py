"""The flow files that are measured, written into a folder together with the modules they name."""

import shutil
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from benchmarks.environments import ROOT

__all__ = ["chain", "rally", "sleeper"]

_PEERS = ROOT / "benchmarks" / "peers"


def rally(folder: Path, scenario: str, strokes: int) -> Path:
    """Write the ping-pong; its input is `left`, the number of strokes."""
    with_scenario = f"uses: peers.players:Player, with: {{scenario: {scenario}}}"
    lines = (
        "name: rally",
        f"max_iterations: {strokes}",
        f"input: {{left: {{type: integer, default: {strokes}}}}}",
        "start: ping",
        "executors:",
        f"  ping: {{{with_scenario}}}",
        f"  pong: {{{with_scenario}}}",
        "edges:",
        "  - {from: ping, to: pong}",
        "  - {from: pong, to: ping}",
    )
    return _written(folder, lines, "rally.py", "players.py")


def chain(folder: Path, steps: int) -> Path:
    """Write a chain of `steps` executors, each a function that adds one."""
    names = [f"step{number:04}" for number in range(1, steps + 1)]
    lines = (
        "name: chain",
        f"max_iterations: {steps}",
        "input: {total: {type: integer, default: 0}}",
        "executors:",
        *(f"  {name}: {{uses: peers.chain_lrwf:step}}" for name in names),
        *(["edges:"] if steps > 1 else []),
        *(f"  - {{from: {here}, to: {there}}}" for here, there in pairwise(names)),
    )
    return _written(folder, lines, "chain_lrwf.py")


def sleeper(folder: Path, executor: str) -> Path:
    """Write a flow of one of the executors that sleep, with a number as its input."""
    lines = (
        "name: sleeper",
        "input: {number: {type: integer, required: true}}",
        "executors:",
        f"  sleeper: {{uses: 'peers.sleeper_lrwf:{executor}'}}",
    )
    return _written(folder, lines, "sleeper_lrwf.py")


def _written(folder: Path, lines: Iterable[str], *modules: str) -> Path:
    package = folder / "peers"
    package.mkdir(parents=True)
    for module in ("__init__.py", *modules):
        shutil.copy(_PEERS / module, package / module)
    flow = folder / "flow.yaml"
    flow.write_text("\n".join((*lines, "")), encoding="utf-8")
    return flow
