"""A command: read a model's address from stdin, try it on rows that it has not seen, print what came of it."""

import argparse
import json
import sys
from pathlib import Path
from urllib.request import urlopen

import learning


def main() -> None:
    """Print `{"job", "model", "percent"}`; end with exit code 1 if the model is not good enough."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--unseen", type=Path, required=True)
    parser.add_argument("--min", type=float, required=True, help="the least share to be right in, from 0 to 1")
    options = parser.parse_args()
    trained = json.load(sys.stdin)
    with urlopen(trained["model"], timeout=30) as answer:  # noqa: S310 - an address of our own server
        model = json.load(answer)
    share = learning.accuracy(model, learning.table(options.unseen)[1])
    if share < options.min:
        sys.exit(f"the model is right in {share:.0%} of what it has not seen: {options.min:.0%} are wanted")
    print(json.dumps({**trained, "percent": round(share * 100)}))


if __name__ == "__main__":
    main()
