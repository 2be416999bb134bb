"""Learning from tables of numbers: logistic regression in plain Python. Pure, but for reading a table.

A table is a CSV file with a line of names; the last column is 0 or 1 and is what is to be foretold by the others.
A model is an object of JSON: what the server keeps and hands out, what is evaluated and what is shipped.
"""

import csv
from collections.abc import Sequence
from math import exp
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

Row = tuple[list[float], int]
Model = dict[str, Any]


def table(path: Path) -> tuple[list[str], list[Row]]:
    """Return the names of the columns that foretell, and the rows. Raises ValueError for what is no such table."""
    with path.open(newline="", encoding="utf-8") as file:
        names, *lines = csv.reader(file)
    rows = [([float(cell) for cell in line[:-1]], int(line[-1])) for line in lines]
    if {truth for _, truth in rows} != {0, 1}:
        raise ValueError(f"the last column of {path} is not 0 and 1")
    return names[:-1], rows


def untrained(names: Sequence[str], rows: Sequence[Row]) -> Model:
    """Return a model that knows how large the numbers are, and nothing else."""
    columns = list(zip(*(features for features, _ in rows), strict=True))
    return {
        "names": list(names),
        "centre": [fmean(column) for column in columns],
        "spread": [pstdev(column) or 1.0 for column in columns],
        "weights": [0.0] * len(columns),
        "bias": 0.0,
    }


def trained_once_more(model: Model, rows: Sequence[Row], rate: float = 0.05) -> Model:
    """Return the model after one epoch: each row once, in order, so that the same rows always give the same model."""
    weights, bias = list(model["weights"]), model["bias"]
    for features, truth in rows:
        scaled = _scaled(model, features)
        error = truth - _sigmoid(bias + sum(w * x for w, x in zip(weights, scaled, strict=True)))
        weights = [w + rate * error * x for w, x in zip(weights, scaled, strict=True)]
        bias += rate * error
    return {**model, "weights": weights, "bias": bias}


def accuracy(model: Model, rows: Sequence[Row]) -> float:
    """Return in which share of the rows the model is right, from 0 to 1."""
    return fmean(_foretold(model, features) == truth for features, truth in rows)


def _foretold(model: Model, features: Sequence[float]) -> int:
    scaled = _scaled(model, features)
    return int(model["bias"] + sum(w * x for w, x in zip(model["weights"], scaled, strict=True)) > 0)


def _scaled(model: Model, features: Sequence[float]) -> list[float]:
    return [(x - c) / s for x, c, s in zip(features, model["centre"], model["spread"], strict=True)]


def _sigmoid(value: float) -> float:
    return 1 / (1 + exp(-max(-60.0, min(60.0, value))))
