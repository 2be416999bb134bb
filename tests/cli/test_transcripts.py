"""The transcripts: what a person sees of each command."""

from pathlib import Path

import pytest

from tests.cli.playing import play
from tests.cli.said import Lrwf

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript(transcript: Path, flows: Path, lrwf: Lrwf) -> None:
    """Each command prints what the transcript says: data on stdout, talk on stderr, and the exit code of design 8."""
    scenes = list(play(transcript, flows, lrwf))
    for command, expected, found in scenes:
        assert found == expected, command
