"""A server that fails as it is told: `python3 flaky_server.py [--port 8018] [--log calls.jsonl] [--answers 503,drop]`.

It has exchange rates to give, and takes sums. `--answers` says what becomes of the first calls, one by one, whichever
they are: `ok`, an HTTP status such as `503`, `drop` (what was asked is done, and the answer gets lost) or `hang` (no
answer for a minute). All later calls are answered.

    GET  /rates     {"EUR": "1", ...}: what a unit of each currency is worth
    POST /sums      any JSON; counted once for each `Idempotency-Key`
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock
from typing import Any
from uuid import uuid4

RATES = {"EUR": "1", "GBP": "1.18", "JPY": "0.0062", "NOK": "0.088", "USD": "0.92"}


class FlakyServer(ThreadingHTTPServer):
    """Rates and sums, and what is to become of the next calls."""

    daemon_threads = True

    def __init__(self, port: int, log: Path, answers: Sequence[str]) -> None:
        super().__init__(("127.0.0.1", port), Face)
        self.log_path = log
        self.answers = list(answers)
        self.sums: dict[str, Any] = {}
        self.lock = Lock()

    def count(self, key: str, handed_in: Any) -> int:
        """Count a sum unless one of that key is there; return how many there are."""
        with self.lock:
            self.sums.setdefault(key, handed_in)
            return len(self.sums)

    def next_answer(self, call: str, key: str | None) -> str:
        """Return what is to become of this call, and write it down."""
        with self.lock:
            answer = self.answers.pop(0) if self.answers else "ok"
            line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "call": call, "answer": answer}
            with self.log_path.open("a", encoding="utf-8") as log:
                log.write(json.dumps({**line, "key": key} if key else line) + "\n")
        return answer


class Face(BaseHTTPRequestHandler):
    """What there is to be had over HTTP."""

    server: FlakyServer

    def do_GET(self) -> None:
        """Give the rates."""
        answer = self.server.next_answer(f"GET {self.path}", None)
        self._say(answer, RATES if self.path == "/rates" else None)

    def do_POST(self) -> None:
        """Take a sum."""
        handed_in = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        key = self.headers.get("Idempotency-Key")
        answer = self.server.next_answer(f"POST {self.path}", key)
        taken = answer in {"ok", "drop"} and self.path == "/sums"
        sums = self.server.count(key or uuid4().hex, json.loads(handed_in)) if taken else None
        self._say(answer, {"sums": sums} if sums else None)

    def _say(self, answer: str, body: Any) -> None:
        if answer == "hang":
            Event().wait(60)
        if answer in {"hang", "drop"}:
            self.close_connection = True
            return
        code = int(answer) if answer.isdigit() else 200 if body is not None else 404
        data = json.dumps(body if code == 200 else {"error": code}).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the log says what was asked."""


def main() -> None:
    """Serve until somebody ends it; the first line on stdout is where."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=8018, help="0: any that is free")
    parser.add_argument("--log", type=Path, default=Path("calls.jsonl"))
    parser.add_argument("--answers", default="", metavar="A,B,...", help="what becomes of the first calls")
    options = parser.parse_args()
    server = FlakyServer(options.port, options.log, [each for each in options.answers.split(",") if each])
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
