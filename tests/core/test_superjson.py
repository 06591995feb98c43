"""Superjson's meta: what real clients send of it is applied, everything that would change what was looked at is refused."""

import copy
from typing import Any

import pytest

from gateway.core.superjson import MOST_STEPS, NO_JSON, Input, deserialize, deserialize_plain
from tests.processor_time import takes_at_most

LOGIN = {
    "email": "decoy@example.com",
    "password": "p",
    "x": "victim@example.com",
    "at": "2026-01-01T00:00:00.000Z",
    "n": None,
}


def read(meta: Any, json: Any = None) -> Any:
    return deserialize({"json": dict(LOGIN) if json is None else json, "meta": meta})


@pytest.mark.parametrize("meta", [None, {}, {"values": {}}, {"values": {}, "v": 1}, {"v": 0}])
def test_without_annotations_the_value_stays(meta: Any) -> None:
    assert read(meta) == LOGIN
    assert deserialize({"json": LOGIN}) == LOGIN
    assert deserialize({}) is None


def test_no_input_at_all() -> None:
    assert deserialize({"json": None, "meta": {"values": ["undefined"]}}) is None
    assert deserialize({"json": None, "meta": {"values": ["undefined"], "v": 1}}) is None


def test_an_undefined_member_is_left_out_and_what_becomes_another_type_is_no_json() -> None:
    found = read({"values": {"n": ["undefined"], "at": ["Date"]}, "v": 1})
    assert "n" not in found
    assert found["at"] is NO_JSON
    assert found["email"] == LOGIN["email"]
    assert read({"values": ["Date"]}, "2026-01-01") is NO_JSON


def test_members_inside_of_others() -> None:
    json = {"answers": [{"at": "2026-01-01", "n": None}, None, "NaN"], "a": {"b": {"c": "1"}}}
    values = {
        "answers.0.at": ["Date"],
        "answers.0.n": ["undefined"],
        "answers.1": ["undefined"],
        "answers.2": ["number"],
    }
    found = read({"values": {**values, "a.b.c": ["bigint"]}}, json)
    assert found == {"answers": [{"at": NO_JSON}, None, NO_JSON], "a": {"b": {"c": NO_JSON}}}


def test_the_account_is_no_text_once_it_is_another_type() -> None:
    for kind in ("Date", "URL", "bigint", "number"):
        assert read({"values": {"email": [kind]}})["email"] is NO_JSON


@pytest.mark.parametrize(
    "meta",
    [
        {"referentialEqualities": {"x": ["email"]}},
        {"referentialEqualities": {}},
        {"values": {}, "referentialEqualities": [["email"]]},
        {"values": {"email": ["undefined"]}},  # it would remove the account that was counted
        {"values": ["undefined"]},
        {"values": ["map"]},
        {"values": ["set", {"0": ["Date"]}]},
        {"values": {"email": ["set"]}},
        {"values": {"email": ["map"]}},
        {"values": {"email": ["regexp"]}},
        {"values": {"email": ["Error"]}},
        {"values": {"email": [["typed-array", "Uint8Array"]]}},
        {"values": {"email": [["class", "User"]]}},
        {"values": {"email": [["custom", "x"]]}},
        {"values": {"email": [["symbol", "x"]]}},
        {"values": {"email": ["Date", {"x": ["Date"]}]}},
        {"values": {"email": {"x": ["Date"]}}},
        {"values": {"n": "undefined"}},
        {"values": {"n": []}},
        {"values": {"n": None}},
        {"values": {"nothing": ["undefined"]}},
        {"values": {"__proto__": ["Date"]}},
        {"values": {"constructor.prototype": ["Date"]}},
        {"values": {"email.length": ["Date"]}},
        {"values": {"": ["Date"]}},
        {"values": {"n\\.x": ["undefined"]}},
        {"values": {"n\\\\": ["undefined"]}},
        {"values": {"n\\\\.x": ["undefined"]}},
        {"values": "email"},
        {"values": 7},
        {"values": {}, "v": 2},
        {"values": {}, "v": True},
        {"values": {}, "v": "1"},
        {"values": {}, "x": 1},
        [],
        "meta",
        7,
    ],
)
def test_what_would_change_more_than_a_type(meta: Any) -> None:
    with pytest.raises(ValueError, match=r"^(the meta of )?an input|the meta of an input"):
        read(meta)


@pytest.mark.parametrize(
    "path", ["0.0", "0.00", "0.", ".0", "0.-0", "0.0x0", "0.1e0", "0.+0", "0. 0", "0.1", "0.²", "0.99999999"]
)
def test_an_item_of_a_list_has_one_spelling(path: str) -> None:
    json = [["victim@example.com"]]
    if path == "0.0":
        assert read({"values": {path: ["Date"]}}, json) == [[NO_JSON]]
        return
    with pytest.raises(ValueError, match="leads nowhere"):
        read({"values": {path: ["Date"]}}, json)


@pytest.mark.parametrize(
    "payload", [None, [], "x", 7, {"json": 1, "x": 2}, {"json": 1, "Meta": {}}, {"json": 1, "__proto__": {}}]
)
def test_what_is_no_wrapping(payload: Any) -> None:
    with pytest.raises(ValueError, match="an input"):
        deserialize(payload)


def plain(meta: Any, json: Any = None) -> Any:
    return deserialize_plain({"json": dict(LOGIN) if json is None else json, "meta": meta})


@pytest.mark.parametrize("meta", [None, {}, {"values": {}}, {"values": {}, "v": 1}, {"v": 0}])
def test_a_schema_is_given_the_value_that_meta_does_not_change(meta: Any) -> None:
    assert plain(meta) == (LOGIN, ())
    assert deserialize_plain({"json": LOGIN}) == (LOGIN, ())


def test_a_schema_sees_that_there_is_no_input() -> None:
    assert deserialize_plain({"json": None, "meta": {"values": ["undefined"]}}) is None
    assert deserialize_plain({"json": None, "meta": {"values": ["undefined"], "v": 1}}) is None
    assert deserialize_plain({}) is None
    assert deserialize_plain({"json": None}) == (None, ())


def test_an_undefined_member_is_left_out_and_the_text_of_a_date_stays() -> None:
    json = {"n": None, "at": "2026", "list": [{"n": None, "at": "x"}, "2027"], "": None, "a": {"": "y"}}
    values = {"n": ["undefined"], "at": ["Date"], "list.0.n": ["undefined"], "list.0.at": ["Date"], "list.1": ["Date"]}
    found = plain({"values": {**values, "": ["undefined"], "a.": ["Date"]}, "v": 1}, json)
    assert found.value == {"at": "2026", "list": [{"at": "x"}, "2027"], "a": {"": "y"}}
    assert found.dates == (("at",), ("list", "0", "at"), ("list", "1"), ("a", ""))


@pytest.mark.parametrize(
    ("meta", "sentence"),
    [
        *(
            ({"values": {"at": [kind]}}, "another type than Date")
            for kind in ("URL", "bigint", "number", "set", "map", "regexp", "Error", "date", "Undefined", "", None, 7)
        ),
        ({"values": {"at": [["typed-array", "Uint8Array"]]}}, "another type than Date"),
        ({"values": {"at": [["class", "User"]]}}, "another type than Date"),
        ({"values": {"at": [["custom", "x"]]}}, "another type than Date"),
        ({"values": {"at": [["symbol", "x"]]}}, "another type than Date"),
        ({"values": {"at": ["Date", {"x": ["Date"]}]}}, "another type than Date"),
        ({"values": {"at": ["Date", None]}}, "another type than Date"),
        ({"values": {"at": {"x": ["Date"]}}}, "another type than Date"),
        ({"values": {"at": "Date"}}, "another type than Date"),
        ({"values": {"n": []}}, "another type than Date"),
        ({"values": {"n": ["Date"]}}, "what is no text"),
        ({"values": {"list": ["Date"]}}, "what is no text"),
        ({"values": {"email": ["undefined"]}}, "no member with null"),  # a required field would be gone
        ({"values": {"list": ["undefined"]}}, "no member with null"),
        ({"values": {"list.0": ["undefined"]}}, "no member with null"),  # an item: a hole, or null, or nothing
        ({"values": {"n": ["undefined"], "n.x": ["undefined"]}}, "leads nowhere"),
        ({"values": {"at": ["Date"], "at.x": ["Date"]}}, "leads nowhere"),
        ({"values": {"nothing": ["undefined"]}}, "leads nowhere"),
        ({"values": {"list.1": ["undefined"]}}, "leads nowhere"),
        ({"values": {"list.00": ["undefined"]}}, "leads nowhere"),
        ({"values": {"list.length": ["undefined"]}}, "leads nowhere"),
        ({"values": {"email.length": ["Date"]}}, "leads nowhere"),
        ({"values": {"__proto__": ["undefined"]}}, "leads nowhere"),
        ({"values": {"__proto__.x": ["Date"]}}, "leads nowhere"),
        ({"values": {"constructor.name": ["Date"]}}, "leads nowhere"),
        ({"values": {"list.constructor.prototype": ["undefined"]}}, "leads nowhere"),
        ({"values": {"": ["Date"]}}, "leads nowhere"),
        ({"values": {"n\\.x": ["undefined"]}}, "leads nowhere"),  # no member of the name n.x
        *(
            ({"values": {path: ["undefined"]}}, "an escape in a path")
            for path in ("n\\", "\\n", "n\\\\", "n\\\\.x", "n\\\\\\.x", "n\\x", "n\\.x\\", "\\\\.", "n.\\")
        ),
        ({"values": ["undefined"]}, "the whole of it"),
        ({"values": ["Date"]}, "the whole of it"),
        ({"values": ["set"]}, "the whole of it"),
        ({"values": ["undefined", {"n": ["undefined"]}]}, "the whole of it"),
        ({"values": []}, "the whole of it"),
        ({"values": None}, "malformed"),
        ({"values": "n"}, "malformed"),
        ({"values": {}, "v": 2}, "another version"),
        ({"values": {}, "v": True}, "another version"),
        ({"values": {}, "v": None}, "another version"),
        ({"values": {}, "v": "1"}, "another version"),
        ({"values": {}, "referentialEqualities": {}}, "more than values"),
        ({"referentialEqualities": {"at": ["email"]}}, "more than values"),
        ({"values": {}, "x": 1}, "more than values"),
        ([], "more than values"),
        ("meta", "more than values"),
        ({"values": {f"{number}": ["Date"] for number in range(MOST_STEPS + 1)}}, "too many values"),
        ({"values": {"." * MOST_STEPS: ["Date"]}}, "too many values"),
    ],
)
def test_what_would_change_what_a_schema_has_judged(meta: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        plain(meta, {**LOGIN, "list": [None]})


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("utm\\.source", ("utm.source",)),
        ("a.b\\.c.d", ("a", "b.c", "d")),
        ("\\.", (".",)),
        ("\\.\\.", ("..",)),
        ("\\..\\.", (".", ".")),
        ("a\\..b", ("a.", "b")),
    ],
)
def test_a_dot_in_a_name_is_escaped(path: str, names: tuple[str, ...]) -> None:
    """As superjson writes the names of an honest record: ``{"utm.source": undefined}``."""
    *above, last = names

    def holding(value: Any) -> Any:
        found = value
        for name in reversed(above):
            found = {name: found}
        return found

    assert plain({"values": {path: ["undefined"]}}, holding({last: None, "x": 1})) == Input(holding({"x": 1}), ())
    assert plain({"values": {path: ["Date"]}}, holding({last: "x"})) == Input(holding({last: "x"}), (names,))
    assert read({"values": {path: ["Date"]}}, holding({last: "x"})) == holding({last: NO_JSON})


@pytest.mark.parametrize("payload", [None, [], "x", 7, {"json": 1, "x": 2}, {"json": 1, "Meta": {}}, {"Json": 1}])
def test_what_is_no_wrapping_has_no_value_for_a_schema(payload: Any) -> None:
    with pytest.raises(ValueError, match="an input"):
        deserialize_plain(payload)


@pytest.mark.parametrize("text", ["2016-12-31T23:59:60Z", "2016-12-31T15:59:60.5-08:00"])
def test_a_leap_second_is_no_date_to_javascript(text: str) -> None:
    with pytest.raises(ValueError, match="leap second"):
        plain({"values": {"at": ["Date"]}}, {**LOGIN, "at": text})
    assert plain({"values": {}}, {**LOGIN, "at": text})


def test_a_date_of_the_whole_input_has_no_path() -> None:
    with pytest.raises(ValueError, match="the whole of it"):
        plain({"values": ["Date"]}, "2026-01-02")


def test_the_longest_meta_takes_milliseconds() -> None:
    deep: Any = "x"
    for _ in range(25):
        deep = {"a": deep}
    for json, values in (
        (["x"] * 2_500, {str(number): ["Date"] for number in range(2_500)}),
        ({f"{number:x}": None for number in range(2_500)}, {f"{number:x}": ["undefined"] for number in range(2_500)}),
        ([deep] * 96, {f"{number}{'.a' * 25}": ["Date"] for number in range(96)}),
        ("x", {"." * 65_000: ["Date"]}),
        ("x", {"\\" * 65_000: ["Date"]}),
        (["x"], {"9" * 65_000: ["Date"]}),
        (["x"], {"x" * 65_000: ["Date"]}),
    ):
        payloads = [{"json": copy.deepcopy(json), "meta": {"values": values}} for _ in range(50)]
        assert takes_at_most(0.002, lambda payloads=payloads: deserialize_plain(payloads.pop()), 5)
