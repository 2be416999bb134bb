"""The executors of the sum: one fetches the day's rates, one adds up the ledger. A command hands the sum in."""

import asyncio
import csv
import json
from decimal import Decimal
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lrwf_cli import Executor, ExponentialBackoff, WorkflowContext, executor, handler, retry


class ServerTrouble(Exception):
    """The server says that it is its own fault."""


class Refused(Exception):
    """The server will say the same next time."""


class Rates(Executor):
    """Fetches what a unit of each currency is worth."""

    def __init__(self, server: str, patience: float = 10) -> None:
        super().__init__()
        self.server = server
        self.patience = patience

    @handler
    @retry(
        max_attempts=6,
        backoff=ExponentialBackoff(initial=1, max=60),
        retry_on=(ConnectionError, TimeoutError, ServerTrouble),
        give_up_on=(Refused,),
    )
    async def fetch(self, asked: dict[str, Any], ctx: WorkflowContext[dict[str, Any]]) -> None:
        """Ask the server. What goes wrong is left to `@retry`: the next attempt is a timer, and no process waits."""
        rates = await asyncio.to_thread(get, self.server, "/rates", self.patience)
        await ctx.send_message({**asked, "rates": rates, "attempts": ctx.attempt})


@executor
def add_up(found: dict[str, Any]) -> dict[str, Any]:
    """Add up the ledger in the currency that was asked for."""
    worth = {currency: Decimal(rate) for currency, rate in found["rates"].items()}
    with Path(found["ledger"]).open(newline="", encoding="utf-8") as file:
        spent = [Decimal(amount) * worth[currency] for _, _, amount, currency in csv.reader(file)]
    total = sum(spent, Decimal()) / worth[found["currency"]]
    return {"total": f"{total:.2f} {found['currency']}", "lines": len(spent), "attempts": found["attempts"]}


def get(server: str, path: str, patience_s: float) -> Any:
    """Return what the server says. Raises ConnectionError, TimeoutError, ServerTrouble or Refused."""
    address = urlsplit(server)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=patience_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        said = answer.read()
    except HTTPException as error:
        raise ConnectionError(f"{server} did not answer: {error!r}") from error
    finally:
        connection.close()
    if answer.status >= 400:
        raise (ServerTrouble if answer.status >= 500 else Refused)(f"{server}{path}: {answer.status} {answer.reason}")
    return json.loads(said)
