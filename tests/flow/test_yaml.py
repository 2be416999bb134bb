import pickle
import time
from pathlib import Path

import pytest
import yaml

from lrwf_cli.errors import FlowError
from lrwf_cli.flow.compose import read_tree
from lrwf_cli.flow.load import load_flow
from lrwf_cli.flow.problems import Mark
from tests.flow.complaining import complaint, complaints


def plain(text: str) -> object:
    root = read_tree(text, "flow.yaml")
    assert root is not None
    return root.plain()


@pytest.fixture(params=["libyaml", "python"])
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parsers of PyYAML: not every machine has libyaml."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CSafeLoader")


both_parsers = pytest.mark.usefixtures("_parser")

TEXTS = ["on", "no", "yes", "y", "017", "-017", "12:30", "190:20:30", "12:30:45.5", "1_000", "2024-01-01", "=", "1.2.3"]
TEXTS += ["0x", "1e", "+", ".", "nul", "012345678901", "2024-13-45", "2001-12-14t21:59:43.10-05:00"]


@both_parsers
@pytest.mark.parametrize("word", TEXTS)
def test_words_that_yaml_1_1_takes_for_something_else_stay_text(word: str) -> None:
    """Reliability T3: what looks like text to a person is text."""
    assert plain(f"key: {word}") == {"key": word}
    assert plain(f"{word}: value") == {word: "value"}


@both_parsers
def test_the_core_schema_of_yaml_1_2_is_typed() -> None:
    """null, true, false, integers and floats are what they look like; everything in quotes is text."""
    typed = "[null, ~, true, TRUE, false, 0, -1, +2, 0o17, 0x1F, 1.5, -.5, 5., 1e3, 1.5E-3, 9223372036854775807]"
    assert plain(typed) == [None, None, True, True, False, 0, -1, 2, 15, 31, 1.5, -0.5, 5.0, 1000.0, 0.0015, 2**63 - 1]
    assert plain("""['null', "true", '1', "1.5"]""") == ["null", "true", "1", "1.5"]
    assert plain("key:") == {"key": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".inf", "1:4: infinity and NaN cannot be kept: '.inf' | quote it to make it text"),
        ("-.INF", "1:4: infinity and NaN cannot be kept: '-.INF' | quote it to make it text"),
        (".NaN", "1:4: infinity and NaN cannot be kept: '.NaN' | quote it to make it text"),
        ("1e999", "1:4: the number is too large: '1e999' | quote it to make it text"),
        ("9" * 19, f"1:4: the integer does not fit in 64 bits: '{'9' * 19}' | quote it to make it text"),
        ("1" * 5000, f"1:4: the integer does not fit in 64 bits: '{'1' * 57}...' | quote it to make it text"),
    ],
)
def test_numbers_that_cannot_be_kept_are_errors(text: str, expected: str) -> None:
    """Reliability T1, T8: no NaN, no infinity, no integer of 5000 digits, and no traceback."""
    assert complaint(f"k: {text}") == f"flow.yaml:{expected}"


UNFIT = "this does not fit what stands before it | check the indentation, and quote a text that has quotes or brackets"
MISTAKES = [
    ("a: 1\na: 2", "2:1: the key 'a' stands twice | keep one of them: the first is in line 1"),
    ("a: {x: 1, x: 2}", "1:11: the key 'x' stands twice | keep one of them: the first is in line 1"),
    ("<<: {a: 1}", "1:1: a merge key: '<<' | write the keys out"),
    ("1: a", "1:1: a key that is not text: 1 | quote it"),
    ("true: a", "1:1: a key that is not text: true | quote it"),
    ("[a]: b", "1:1: a key that is not text | write a word before the ':'"),
    ("a: &x y\n*x : b", "2:1: a key that is not text | write a word before the ':'"),
    ("a: !!str 1", "1:4: a tag: '!!str' | remove it; to make a value text, quote it"),
    ("a: !!int ''", "1:4: a tag: '!!int' | remove it; to make a value text, quote it"),
    ("a: !!timestamp x", "1:4: a tag: '!!timestamp' | remove it; to make a value text, quote it"),
    ("a: !secret x", "1:4: a tag: '!secret' | remove it; to make a value text, quote it"),
    (
        "a: !!python/object/apply:os.system [id]",
        "1:4: a tag: '!!python/object/apply:os.system' | remove it; to make a value text, quote it",
    ),
    ("a: b\n--- c\n", "2:1: a second document begins here | keep one workflow in a file, without '---'"),
    ("a: *b", "1:4: an alias of nothing: '*b' | quote it"),
    ("a: &name 1\nb: *nane", "2:4: an alias of nothing: '*nane' | did you mean '*name'?"),
    ("a: &b [*b]", "1:8: an alias inside of what it stands for: '*b' | write the value out"),
    ("a:\n\tb: 1", "2:1: a tab where YAML wants spaces | indent with spaces"),
    ("a: @b", "1:4: a value that begins with '@' | quote it"),
    ("a: *.txt", "1:5: a text that begins with '*' or '&' | quote it"),
    (
        "a: b: c",
        "1:5: a ':' where a value has already begun | quote a text that has ': ' in it, or check the indentation",
    ),
    ("a: {b: ${{ c }}}", "1:9: '${{' in a text without quotes | quote the text that has '${{' in it"),
    ("a: ${{ {'b': 1} }}", "1:12: '${{' in a text without quotes | quote the text that has '${{' in it"),
    ("a: 'b", "1:4: a quote that is never closed | close the quote"),
    ('a: "\\q"', "1:5: an unknown escape in double quotes | double the backslash, or use single quotes"),
    (
        "a: [b,\nc: d",
        "3:1: the list that begins in line 1 is not closed | put ',' between its items and ']' at its end",
    ),
    ("a: 1\nb", "2:1: a key without a ':' | write it as 'key: value', or check the indentation"),
    ("a: - b", "1:4: a '-' where no list may begin | begin the list on a line of its own, or write [a, b]"),
    (
        "a: 'it's'",
        f"1:8: {UNFIT}",
    ),
    (
        "a: \0",
        "1:4: a character that YAML does not allow: U+0000 | remove it, or write it as an escape in double quotes",
    ),
    (
        "a: b\nc: \x1b[2J",
        "2:4: a character that YAML does not allow: U+001B | remove it, or write it as an escape in double quotes",
    ),
    (
        "a: \ud800",
        "1:4: a character that YAML does not allow: U+D800 | remove it, or write it as an escape in double quotes",
    ),
    ("%YAML 3.0\n--- a", "1:1: a version of YAML that is not known | remove the line that begins with %YAML"),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_mistakes_of_yaml_are_told_in_words(text: str, expected: str) -> None:
    """Reliability T1, T2: every mistake is `path:line:col`, one sentence and one remedy; nothing is constructed."""
    assert complaint(text) == f"flow.yaml:{expected}"


@both_parsers
@pytest.mark.parametrize("text", [text for text, _ in MISTAKES])
def test_both_parsers_refuse_the_same(text: str) -> None:
    """The Python parser stands in for libyaml where that is missing: what is wrong is wrong with both."""
    assert len(complaints(text)) == 1


@both_parsers
@pytest.mark.parametrize(
    "escape", ["\\UFFFFFFFF", "\\ud800", "\\uD83D\\uDE00", "\\x", "\\u12", "\\U0011FFFF", "\\uGGGG"]
)
def test_escapes_that_are_no_character_are_refused(escape: str) -> None:
    """Reliability T1: whatever the parser raises is an error with a place; no half character gets through."""
    found = complaint(f'name: x\nexecutors:\n  a: {{uses: "m:f", with: {{x: "{escape}"}}}}\n')
    assert found.startswith(("flow.yaml:3:", "flow.yaml:1:1:"))


BOMBS = {
    "brackets": "[" * 100_000,
    "braces": "{" * 100_000,
    "dashes": "- " * 100_000,
    "questions": "? " * 100_000,
    "indentation": "".join(" " * depth + "a:\n" for depth in range(1000)),
    "lists in mappings": "{a: " * 100_000,
    "aliases": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "merges": "a: &a {x: 1}\n"
    + "".join(f"{b}: &{b} {{<<: [{','.join([f'*{a}'] * 9)}]}}\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "fat aliases": f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 50)}]",
    "many aliases": f"a: &a x\nb: [{', '.join(['*a'] * 101)}]",
    "aliases of depth": "a: &a " + "[" * 30 + "]" * 30 + "\nb: " + "[" * 30 + "*a" + "]" * 30,
    "many nodes": "[" + "a, " * 60_000 + "]",
    "many keys": "".join(f"k{number}: v\n" for number in range(60_000)),
    "bytes": "a: " + "x" * 1024 * 1024,
    "bytes in letters of two": "a: " + "é" * 600_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_before_anything_is_composed(name: str) -> None:
    """Reliability T2: bytes, depth, nodes (aliases expanded) and aliases are bounded; nothing explodes."""
    began = time.process_time()
    assert complaints(BOMBS[name])
    assert time.process_time() - began < 5


@both_parsers
@pytest.mark.parametrize("name", ["brackets", "dashes", "aliases", "merges", "fat aliases", "aliases of depth"])
def test_bombs_are_refused_with_either_parser(name: str) -> None:
    """Reliability T2: the bounds are ours, and do not hang on libyaml."""
    assert complaints(BOMBS[name])


def test_what_is_within_the_bounds_is_read() -> None:
    """The bounds themselves are allowed: 50 levels, 100 aliases, 1 MiB."""
    assert plain("[" * 50 + "]" * 50)
    assert plain(f"a: &a x\nb: [{', '.join(['*a'] * 100)}]") == {"a": "x", "b": ["x"] * 100}
    text = "a: " + "x" * (1024 * 1024 - 3)
    assert plain(text) == {"a": text[3:]}


def test_an_alias_is_the_value_it_names() -> None:
    """Aliases spare writing; what comes of them shares nothing."""
    value = plain("a: &a {x: [1]}\nb: *a")
    assert value == {"a": {"x": [1]}, "b": {"x": [1]}}
    assert pickle.dumps(value) == pickle.dumps({"a": {"x": [1]}, "b": {"x": [1]}})


@both_parsers
@pytest.mark.parametrize("text", ["\ufeffa: b\nc: {d: [e, 'f']}\n", "a: b\r\nc: {d: [e, 'f']}\r\n"])
def test_a_byte_order_mark_and_crlf_move_nothing(text: str) -> None:
    """Files from Windows are read, and places are those that an editor shows."""
    root = read_tree(text, "flow.yaml")
    assert root is not None
    assert root.plain() == {"a": "b", "c": {"d": ["e", "f"]}}
    assert root.place(("c", "d", 1)) == Mark(2, 12)
    assert root.place(("c", "d"), of_key=True) == Mark(2, 5)


@both_parsers
def test_every_value_knows_where_it_stands() -> None:
    """Lines and columns count from 1, in characters; a path that breaks off shows how far it led."""
    root = read_tree("é: {ü: [1, ö]}\nx: >\n  folded\n  text\ny: \"a\\tb\"\nz: 'plain'\n", "flow.yaml")
    assert root is not None
    assert root.place(("é", "ü", 1)) == Mark(1, 12)
    assert root.place(("é", "ü", 7)) == Mark(1, 8)
    assert root.place(("x",)) == Mark(2, 4)
    nodes = {key: node.offset(2) for key, node in root.entries().items()}
    assert nodes == {"é": Mark(1, 4), "x": Mark(2, 4), "y": Mark(5, 4), "z": Mark(6, 7)}


def test_an_alias_shows_where_its_value_was_written() -> None:
    """A problem inside an alias is mended where the value stands."""
    root = read_tree("a: &a {x: 1}\nb: *a\n", "flow.yaml")
    assert root is not None
    assert root.place(("b", "x")) == Mark(1, 11)


@pytest.mark.parametrize("text", ["", "# nothing here\n", "---\n", "\n\n", "\ufeff"])
def test_an_empty_file_is_said_to_be_empty(text: str) -> None:
    """Nothing in the file is the first thing to say, before what is missing in it."""
    assert complaints(text)[0].startswith(("flow.yaml:1:1: the file is empty", "flow.yaml:1:1: a flow must be"))


def problems_of(path: Path | str) -> tuple[tuple[str, str | None], ...]:
    with pytest.raises(FlowError) as caught:
        load_flow(path)
    return caught.value.problems


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file, a folder, a pipe, binary and foreign bytes each get a sentence and a remedy."""
    path = tmp_path / "flow.yaml"
    assert problems_of(path) == ((f"{path}: there is no such file", "check the path"),)
    path.write_text("name: x\n")
    assert problems_of(tmp_path / "flwo.yaml") == (
        (f"{tmp_path}/flwo.yaml: there is no such file", f"did you mean '{path}'?"),
    )
    assert problems_of(tmp_path) == (
        (f"{tmp_path}: this is a folder", f"give the path of a flow file, such as '{path}'"),
    )
    assert problems_of(f"{path}/x.yaml") == ((f"{path}/x.yaml: there is no such file", "check the path"),)
    assert problems_of("a\0b")[0][0] == r"'a\x00b': cannot be read: embedded null byte"
    path.write_bytes(b"\x7fELF\0\0\0")
    assert problems_of(path) == ((f"{path}: this is not a text file", "give the path of a flow file, in UTF-8"),)
    path.write_bytes("name: é\nx: ü\n".encode("latin-1"))
    assert problems_of(path) == ((f"{path}:1:7: this is not UTF-8: byte 0xe9", "save the file as UTF-8"),)
    path.write_bytes(b"x" * 2_000_000)
    assert problems_of(path)[0][0] == f"{path}: the file is too large: 2000000 bytes where 1048576 are allowed"


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    """Reliability T13: a FIFO in the place of a file does not hang the command."""
    import os

    os.mkfifo(tmp_path / "flow.yaml")
    assert problems_of(tmp_path / "flow.yaml")[0][0].endswith("flow.yaml: not a regular file")
