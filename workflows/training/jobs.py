"""The job server, as seen by those who need it: submit a job, ask how it stands. Nothing here knows of workflows."""

import asyncio
import json
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit


class JobFailed(Exception):
    """A job has ended without a model."""


@dataclass(frozen=True)
class Job:
    """A job that was submitted, and where its model will be."""

    id: str
    model_url: str


@dataclass(frozen=True)
class Status:
    """How a job stood when it was asked."""

    state: str
    epoch: int
    epochs: int
    error: str | None

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more."""
        return self.state != "running"

    def __str__(self) -> str:
        return f"{self.state}, epoch {self.epoch} of {self.epochs}"


class JobService:
    """The server at `url`. Raises ConnectionError when it cannot be reached, ValueError for what it refuses."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    async def submit(self, *, dataset: str, epochs: int, seconds: float, key: str) -> Job:
        """Submit a job; however often this is asked with the same `key`, there is one."""
        asked = {"dataset": dataset, "epochs": epochs, "seconds": seconds}
        said = await asyncio.to_thread(self._call, "POST", "/jobs", asked, key)
        return Job(said["id"], f"{self.url}/jobs/{said['id']}/model")

    async def status(self, job: Job) -> Status:
        """Ask how a job stands."""
        said = await asyncio.to_thread(self._call, "GET", f"/jobs/{job.id}")
        return Status(said["state"], said["epoch"], said["epochs"], said["error"])

    def _call(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        address = urlsplit(self.url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
        headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
        try:
            connection.request(method, f"{address.path}{path}", json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())
        except HTTPException as error:
            raise ConnectionError(f"{self.url} did not answer: {error!r}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise ValueError(f"{method} {path}: {said.get('error', answer.reason)}")
        return said
