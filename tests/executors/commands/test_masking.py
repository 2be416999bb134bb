"""Secrets in text: found in every form in which they are likely to be printed, however the text comes."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.executors.commands.masking import MASK, Mask
from lrwf_cli.executors.commands.printed import MaskedLines, Printed
from lrwf_cli.executors.commands.supervisor import Task

SECRET = 'p4ss "w/ö\\rd'


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        f"before{SECRET}after",
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        quote(SECRET),
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"me:{SECRET}".encode()).decode(),
        base64.b64encode(f"you:{SECRET}\n".encode()).decode(),
        base64.urlsafe_b64encode(f"a:{SECRET}".encode()).decode(),
    ],
)
def test_forms_of_a_secret(shown: str) -> None:
    """A secret is masked as it is, and as JSON, `repr`, URL and base64 show it."""
    masked = Mask([SECRET]).text(f"it is {shown}.")
    assert masked.startswith("it is ")
    assert MASK in masked
    assert "p4ss" not in masked
    assert base64.b64encode(SECRET.encode()).decode()[4:12] not in masked


def test_nothing_is_masked_in_vain() -> None:
    """Without secrets, or with one too short to be told from anything, text stays as it is."""
    for mask in (Mask(), Mask(["", "abc"])):
        assert mask.text("abc") == "abc"
        assert mask.value({"a": [1, "abc"]}) == {"a": [1, "abc"]}
        assert mask.boundary("abc", 2) == 2


def test_values_are_masked_throughout() -> None:
    """In a result every text is masked, keys too, and a number that is the secret."""
    assert Mask(["12345", "key-1"]).value({"key-1": [1, 12345, 2.5, True, None, {"a": "x12345y"}]}) == {
        MASK: [1, MASK, 2.5, True, None, {"a": f"x{MASK}y"}]
    }


TEXT = st.text("ab\né", max_size=40)
SECRETS = st.lists(st.text("ab\né", min_size=4, max_size=9), min_size=1, max_size=3)


@given(TEXT, SECRETS, st.lists(st.integers(1, 9), max_size=30), TEXT)
def test_chunks_hide_nothing(text: str, secrets: list[str], sizes: list[int], rest: str) -> None:
    """However output comes in pieces, it is masked as if it came at once, and in whole lines."""
    text += secrets[0] + rest
    data = text.encode()
    written: list[str] = []
    lines = MaskedLines(Mask(secrets), written.append)
    for size in (*sizes, len(data)):
        lines.add(data[:size])
        data = data[size:]
    lines.close()
    assert lines.held_back == 0
    assert "".join(written).replace("\n", "") == Mask(secrets).text(text).replace("\n", "")
    assert all(line.endswith("\n") for line in written)


def printed_of(folder: Path, out: bytes, *, end: bytes | None = None, mask: Mask | None = None) -> list[str]:
    task = Task(str(folder), "boot")
    (folder / "stdout").write_bytes(out)
    (folder / "stderr").touch()
    if end is not None:
        (folder / "stdout.end").write_bytes(end)
    written: list[str] = []
    printed = Printed(task, mask or Mask(), written.append)
    printed.pump()
    printed.close()
    return written


def test_too_much_is_said(tmp_path: Path) -> None:
    """Of what is too much for a log, head and end are kept, and what is left out is said."""
    line = b"x" * 99 + b"\n"
    text = "".join(printed_of(tmp_path, line * 80_000))
    assert len(text) < 6_000_000
    assert "[lrwf: 2757120 bytes of stdout left out here: it printed too much]\n" in text
    assert set(text.splitlines()) >= {"x" * 99}
    (tmp_path / "printed").unlink()
    text = "".join(printed_of(tmp_path, line * 80_000, end=b"the very end\n"))
    assert text.endswith("[lrwf: the middle of stdout left out here: it printed too much]\nthe very end\n")


def test_a_line_without_end(tmp_path: Path) -> None:
    """A line that does not end is passed on all the same, and never with half a secret."""
    mask = Mask(["secret-word"])
    written = printed_of(tmp_path, b"x" * 70_000 + b"secret-word" + b"y" * 70_000 + b"\xc3", mask=mask)
    assert all(line.endswith("\n") for line in written)
    assert "".join(written).replace("\n", "") == "x" * 70_000 + MASK + "y" * 70_000 + "\\xc3"


def test_a_log_goes_on_where_it_was(tmp_path: Path) -> None:
    """After a crash of whoever passed it on, no line is missing and none comes twice."""
    task = Task(str(tmp_path), "boot")
    out = tmp_path / "stdout"
    (tmp_path / "stderr").write_bytes(b"err\n")
    first: list[str] = []
    out.write_bytes(b"one\ntw")
    Printed(task, Mask(), first.append).pump()
    out.write_bytes("one\ntwo\nthr\u00e9".encode()[:-1])
    second: list[str] = []
    Printed(task, Mask(), second.append).pump()
    out.write_bytes("one\ntwo\nthr\u00e9e\n".encode())
    third: list[str] = []
    printed = Printed(task, Mask(), third.append)
    printed.pump()
    printed.close()
    assert (first, second, third) == (["one\n", "err\n"], ["two\n"], ["thrée\n"])
    for odd in ("", "x", "1 y", "-1", "é"):
        (tmp_path / "printed").write_text(odd)
        Printed(task, Mask(), third.append).close()
