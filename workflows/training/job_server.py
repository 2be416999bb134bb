"""A small job server: `python3 job_server.py [--port 8017] [--log jobs.jsonl] [--fail N] [--lose N]`.

It stands for the cluster that you have: a process of its own with an HTTP face, which trains a model for whoever asks
and knows nothing of workflows. Its log has a line for all that was asked of it. Jobs are not kept: they end with it.

    POST /jobs             {"dataset": path, "epochs": n, "seconds": s}: submit; takes that many seconds
    GET  /jobs/ID          how it stands: {"id", "state": "running" | "done" | "failed", "epoch", "epochs", ...}
    GET  /jobs/ID/model    what it has learnt
    POST /jobs/ID/hurry    let it end now

Submissions with the same `Idempotency-Key` are one job, unless that job has failed: then the next one is another try.
"""

import argparse
import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import learning


@dataclass
class Job:
    """A model in training."""

    id: str
    dataset: Path
    epochs: int
    seconds: float
    must_fail: bool = False
    state: str = "running"
    epoch: int = 0
    error: str | None = None
    model: learning.Model = field(default_factory=dict)
    hurried: Event = field(default_factory=Event)

    def work(self) -> None:
        """Train, evenly over the seconds that were asked for."""
        try:
            self.model, self.state = self._learn(), "done"
        except (OSError, ValueError) as error:
            self.error, self.state = str(error), "failed"

    def _learn(self) -> learning.Model:
        names, rows = learning.table(self.dataset)
        model = learning.untrained(names, rows)
        for _ in range(self.epochs):
            self.hurried.wait(self.seconds / self.epochs)
            model = learning.trained_once_more(model, rows)
            self.epoch += 1
        if self.must_fail:
            raise ValueError("out of memory, as this server was told to be")
        return model

    def as_seen(self) -> dict[str, Any]:
        """Return how the job stands."""
        return {name: getattr(self, name) for name in ("id", "state", "epoch", "epochs", "error")}


class JobServer(ThreadingHTTPServer):
    """Jobs, by id and by key; the next `failing` of them fail, and the next `losing` answers get lost."""

    daemon_threads = True

    def __init__(self, port: int, log: Path, failing: int, losing: int) -> None:
        super().__init__(("127.0.0.1", port), Face)
        self.log_path = log
        self.failing, self.losing = failing, losing
        self.jobs: dict[str, Job] = {}
        self.keys: dict[str, Job] = {}
        self.lock = Lock()

    def submit(self, key: str | None, asked: dict[str, Any]) -> Job:
        """Return the job of this key, begun unless it is there. Raises KeyError, TypeError, ValueError."""
        with self.lock:
            known = self.keys.get(key) if key else None
            if known and known.state != "failed":
                self.note("repeated", job=known.id, key=key)
                return known
            job = Job(str(len(self.jobs) + 1), Path(asked["dataset"]), int(asked["epochs"]), float(asked["seconds"]))
            self.failing, job.must_fail = max(0, self.failing - 1), self.failing > 0
            self.jobs[job.id] = job
            if key:
                self.keys[key] = job
            self.note("submitted", job=job.id, key=key, dataset=str(job.dataset))
        Thread(target=job.work, daemon=True).start()
        return job

    def loses_this_one(self) -> bool:
        """Whether the answer to a submission gets lost on its way."""
        with self.lock:
            self.losing, lost = max(0, self.losing - 1), self.losing > 0
        return lost

    def note(self, event: str, **more: Any) -> None:
        """Append a line to the log."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self.log_path.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"at": at, "event": event, **more}) + "\n")


class Face(BaseHTTPRequestHandler):
    """The jobs over HTTP."""

    server: JobServer

    def do_POST(self) -> None:
        """Take a job, or let one end."""
        if self.path == "/jobs":
            self._submit()
        elif (job := self._job()) and self.path.endswith("/hurry"):
            self.server.note("hurried", job=job.id)
            job.hurried.set()
            self._answer(200, job.as_seen())
        else:
            self._answer(404, {"error": f"nothing to post to at {self.path}"})

    def do_GET(self) -> None:
        """Tell how a job stands, or what it has learnt."""
        job = self._job()
        if job is None:
            self._answer(404, {"error": f"no such job: {self.path}"})
        elif self.path.endswith("/model"):
            self._answer(200 if job.model else 409, job.model or {"error": f"job {job.id} is {job.state}"})
        else:
            self.server.note("asked", job=job.id, state=job.state)
            self._answer(200, job.as_seen())

    def _submit(self) -> None:
        try:
            asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            job = self.server.submit(self.headers.get("Idempotency-Key"), asked)
        except (KeyError, TypeError, ValueError) as error:
            self._answer(400, {"error": f"not a job: {error!r}"})
            return
        if self.server.loses_this_one():
            self.close_connection = True  # the job is there, and the one who asked for it will never know
            return
        self._answer(201, job.as_seen())

    def _job(self) -> Job | None:
        parts = self.path.split("/")
        return self.server.jobs.get(parts[2]) if len(parts) > 2 and parts[1] == "jobs" else None

    def _answer(self, code: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
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
    parser.add_argument("--port", type=int, default=8017, help="0: any that is free")
    parser.add_argument("--log", type=Path, default=Path("jobs.jsonl"))
    parser.add_argument("--fail", type=int, default=0, metavar="N", help="the first N jobs fail at their end")
    parser.add_argument(
        "--lose", type=int, default=0, metavar="N", help="the answers to the first N submissions get lost"
    )
    options = parser.parse_args()
    server = JobServer(options.port, options.log, options.fail, options.lose)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
