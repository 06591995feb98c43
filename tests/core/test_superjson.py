"""Superjson's meta: what real clients send of it is applied, everything that would change what was looked at is refused."""

from typing import Any

import pytest

from gateway.core.superjson import NO_JSON, deserialize

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
