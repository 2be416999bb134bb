import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core.model import Json
from lrwf_cli.errors import InputError
from lrwf_cli.flow.inputs import canonical, check_input, convert_text, misfit, read_assignments, read_input
from lrwf_cli.flow.schema import Declared

DECLARED = {
    "dataset": Declared(required=True, description="a name of the data shop"),
    "epochs": Declared("integer", default=3),
    "rate": Declared("number", default=0.5),
    "dry": Declared("boolean"),
    "regions": Declared("array", default=["eu"]),
    "labels": Declared("object"),
    "size": Declared(enum=["small", "large"], default="small"),
}


def problems_of(given: dict[str, Json]) -> list[str]:
    with pytest.raises(InputError) as caught:
        check_input(DECLARED, given)
    return [f"{message} | {hint}" for message, hint in caught.value.problems]


def test_defaults_come_in_declared_order() -> None:
    """Design 7: declared input has defaults; what is neither given nor required is left out."""
    given = {"size": "large", "dataset": "cats"}
    result = check_input(DECLARED, given)
    assert result == {"dataset": "cats", "epochs": 3, "rate": 0.5, "regions": ["eu"], "size": "large"}
    assert list(result) == ["dataset", "epochs", "rate", "regions", "size"]


def test_every_problem_of_an_input_is_told_at_once() -> None:
    """Design 7: unknown, missing and unfit input is an error before anything runs."""
    assert problems_of(
        {"epoch": 4, "epochs": "ten", "rate": "high", "dry": "yes", "regions": "eu", "size": "tiny"}
    ) == [
        "unknown input 'epoch' | did you mean 'epochs'?",
        "input 'dataset' is missing | give it with --input dataset=...",
        "input 'epochs' must be an integer, not ten | None",
        "input 'rate' must be a number, not high | None",
        "input 'dry' must be true or false, not yes | None",
        "input 'regions' must be a list, not eu | None",
        "input 'size' must be 'small' or 'large', not tiny | None",
    ]
    assert problems_of({"dataset": 3}) == ["input 'dataset' must be text, not 3 | a name of the data shop"]
    assert problems_of({"dataset": "x", "zzz": 1}) == [
        "unknown input 'zzz' | inputs of this workflow: dataset, epochs, rate, dry, regions, labels, size"
    ]


@pytest.mark.parametrize(
    ("kind", "fits", "does_not"),
    [
        ("string", ["", "x"], [1, None, True, []]),
        ("integer", [0, -5, 2**80], [1.0, True, "1", None]),
        ("number", [0, 1.5], [False, "1.5", None]),
        ("boolean", [True, False], [0, 1, "true", None]),
        ("array", [[], [1]], [{}, "[]", None]),
        ("object", [{}, {"a": 1}], [[], "{}", None]),
        ("path", ["a", "/b"], ["", "a\0b", 1, None]),
    ],
)
def test_types_are_those_of_json(kind: str, fits: list[Json], does_not: list[Json]) -> None:
    """A boolean is no integer, 1.0 is none either, and null is nothing."""
    declared = Declared(kind)  # type: ignore[arg-type] # one of its literals
    assert [value for value in fits if misfit(declared, value)] == []
    assert [value for value in does_not if misfit(declared, value) is None] == []


def test_an_enum_tells_true_from_one() -> None:
    """Values are compared as JSON has them."""
    assert misfit(Declared("boolean", enum=[True]), True) is None  # noqa: FBT003 - a value
    assert misfit(Declared("integer", enum=[1]), 2) == "must be '1', not 2"
    assert misfit(Declared("array", enum=[[1], [2]]), [2]) is None


def test_without_a_declaration_any_object_will_do() -> None:
    """Design 9: without `input:` the start handler's type is the declaration."""
    given = {"anything": [1, {"a": None}]}
    assert check_input(None, given) == given
    assert check_input(None, given) is not given
    assert convert_text(None, "anything", "3") == "3"


def test_an_empty_declaration_takes_nothing() -> None:
    """`input: {}` says that there is none."""
    with pytest.raises(InputError, match="unknown input 'a'"):
        check_input({}, {"a": 1})


def test_a_relative_path_is_meant_as_seen_from_where_it_was_written() -> None:
    """A default is relative to the flow file, a given path to where the run began; no process may count on its own."""
    declared = {"folder": Declared("path", default="texts"), "out": Declared("path")}
    assert check_input(declared, {"out": "o"}, folder="/flows/x", cwd="/home/me") == {
        "folder": "/flows/x/texts",
        "out": "/home/me/o",
    }
    assert check_input(declared, {"folder": "/abs"}, folder="/flows/x", cwd="/home/me") == {"folder": "/abs"}


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("dataset", "3", "3"),
        ("dataset", "", ""),
        ("epochs", "-3", -3),
        ("epochs", " 017", 17),
        ("rate", "1e3", 1000.0),
        ("rate", "2", 2),
        ("dry", "True", True),
        ("dry", "false", False),
        ("regions", '["a", 1]', ["a", 1]),
        ("labels", '{"a": null}', {"a": None}),
        ("unknown", "1", "1"),
    ],
)
def test_text_becomes_the_declared_type(key: str, text: str, value: Json) -> None:
    """Design 9: `--input k=v` is converted to the declared type, else a string."""
    converted = convert_text(DECLARED, key, text)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("key", "text", "message", "hint"),
    [
        ("epochs", "three", "input 'epochs' must be an integer, not 'three'", None),
        ("epochs", "1.0", "input 'epochs' must be an integer, not '1.0'", None),
        ("epochs", "9" * 5000, f"input 'epochs' must be an integer, not '{'9' * 57}...'", None),
        ("epochs", "٣", "input 'epochs' must be an integer, not '٣'", None),
        ("rate", "1e999", "input 'rate' must be a number, not '1e999'", None),
        ("rate", "nan", "input 'rate' must be a number, not 'nan'", None),
        ("dry", "yes", "input 'dry' must be true or false, not 'yes'", "write true or false"),
        ("regions", "a,b", "input 'regions' must be a list, not 'a,b'", """write it as JSON: '["a", "b"]'"""),
        (
            "regions",
            "[" * 9999,
            f"input 'regions' must be a list, not '{'[' * 57}...'",
            """write it as JSON: '["a", "b"]'""",
        ),
        ("labels", "[]", "input 'labels' must be a mapping, not '[]'", """write it as JSON: '{"key": "value"}'"""),
    ],
)
def test_text_that_is_not_of_the_type_is_refused(key: str, text: str, message: str, hint: str | None) -> None:
    """A slip on the command line is told with what was wanted."""
    with pytest.raises(InputError) as caught:
        convert_text(DECLARED, key, text)
    assert caught.value.problems == ((message, hint),)


def test_options_are_read_together() -> None:
    """All `--input` options are converted, and all of their problems told at once."""
    assert read_assignments(DECLARED, ["dataset=a=b", "epochs=4"]) == {"dataset": "a=b", "epochs": 4}
    with pytest.raises(InputError) as caught:
        read_assignments(DECLARED, ["dataset", "=x", "epochs=x", "epochs=4", "rate=y"])
    assert [f"{message} | {hint}" for message, hint in caught.value.problems] == [
        "not an input: 'dataset' | write it as KEY=VALUE",
        "not an input: '=x' | write it as KEY=VALUE",
        "input 'epochs' must be an integer, not 'x' | None",
        "input 'epochs' is given twice | give it once",
        "input 'rate' must be a number, not 'y' | None",
    ]


@pytest.mark.parametrize("text", ['{"a": [1, "\\ud83d\\ude00"]}', "a: [1, 😀]", '{a: [1, "😀"],}'])
def test_an_input_file_is_json_or_yaml(text: str) -> None:
    """Design 9: `--input-file` is a JSON or YAML object."""
    assert read_input(text, "input") == {"a": [1, "😀"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "in.yaml: the input must be an object, not null"),
        ("[1]", "in.yaml: the input must be an object, not a list"),
        ("a", "in.yaml: the input must be an object, not a"),
        ("a: 1\na: 2", "in.yaml:2:1: the key 'a' stands twice"),
        ('{"a": 1', "in.yaml:2:1: the mapping that begins in line 1 is not closed"),
        ('{"a": 1e999}', "in.yaml:1:7: the number is too large: '1e999'"),
        ('{"a":' * 9999, "in.yaml:1:251: nested more than 50 deep"),
    ],
)
def test_an_input_file_that_is_none_is_told_with_its_place(text: str, message: str) -> None:
    """A bad input file is an InputError, as a bad `--input` is."""
    with pytest.raises(InputError) as caught:
        read_input(text, "in.yaml")
    assert caught.value.message == message


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_the_canonical_form_tells_inputs_apart_by_value_only(value: dict[str, Json]) -> None:
    """Design 9: the same input (canonical JSON after defaults) is the same, whatever order it was written in."""
    turned = dict(reversed(value.items()))
    assert canonical(value) == canonical(turned)
    assert read_input(canonical(value), "input") == value


@given(st.text())
def test_any_text_is_an_input_or_an_input_error(text: str) -> None:
    """No text makes anything but an object or an InputError."""
    for each in (text, "{" + text, '{"a": ' + text):
        try:
            assert isinstance(read_input(each, "input"), dict)
        except InputError as error:
            assert error.problems  # noqa: PT017 - of whatever error it is
