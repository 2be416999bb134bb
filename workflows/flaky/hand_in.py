"""A command: hand in the sum that is on stdin, to the server at $SERVER.

Whether a sum that got no answer has arrived nobody knows, so it is handed in again, under the same key: the server
counts it once. An exit code of 75 asks for another attempt, any other one says that it would be in vain.
"""

import json
import os
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen


def main() -> None:
    """Print what the server has made of it."""
    asked = Request(  # noqa: S310 - an address of our own server
        f"{os.environ['SERVER']}/sums",
        data=sys.stdin.buffer.read(),
        headers={"Content-Type": "application/json", "Idempotency-Key": os.environ["LRWF_IDEMPOTENCY_KEY"]},
    )
    try:
        with urlopen(asked, timeout=10) as answer:  # noqa: S310 - the same
            said = json.load(answer)
    except HTTPError as error:
        print(f"the server said {error.code} {error.reason}", file=sys.stderr)
        sys.exit(75 if error.code >= 500 else 1)
    except (OSError, ValueError) as error:
        print(f"no answer: {error}", file=sys.stderr)
        sys.exit(75)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
