"""Letters, left in a maildir: any mail program reads it, and a daemon may carry them on. In place of an SMTP server."""

import asyncio
import mailbox
from email.message import EmailMessage
from pathlib import Path


async def post(folder: Path, to: str, subject: str, text: str) -> str:
    """Leave a letter in the maildir `letters` and return the name it got there. Each call is another letter."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "purchasing@example.org", to, subject
    letter.set_content(text)
    return await asyncio.to_thread(_leave, folder, letter)


def _leave(folder: Path, letter: EmailMessage) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    return mailbox.Maildir(folder / "letters").add(letter)
