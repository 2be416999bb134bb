"""Letters, left in a maildir: any mail program reads it, and a daemon may carry them on. In place of an SMTP server."""

import asyncio
import mailbox
from email.message import EmailMessage
from pathlib import Path


async def post(outbox: Path, to: str, subject: str, text: str) -> str:
    """Leave a letter in the maildir and return the name it got there. Each call is another letter."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "purchasing@example.org", to, subject
    letter.set_content(text)
    return await asyncio.to_thread(_leave, outbox, letter)


def _leave(outbox: Path, letter: EmailMessage) -> str:
    outbox.parent.mkdir(parents=True, exist_ok=True)
    return mailbox.Maildir(outbox).add(letter)
