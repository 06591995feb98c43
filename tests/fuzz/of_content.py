"""Harnesses for content: strict JSON, superjson, and the inputs that policies judge."""

from __future__ import annotations

import json as plain
from typing import Any

from gateway.core.exchange import Call, Exchange
from gateway.core.strict_json import decoded, read
from gateway.core.trpc import inputs
from gateway.policy.base.inputs import checked_inputs, inputs_of
from gateway.policy.base.pointer import MISSING


def json(data: bytes) -> None:
    """A document: a value that every parser reads, or a refusal."""
    try:
        text = decoded(data)
        value = read(text)
    except ValueError as error:
        assert str(error).isascii() and len(str(error)) < 120
        return
    assert same(value, plain.loads(data)), value
    again = plain.dumps(value, ensure_ascii=False).encode()
    assert same(read(decoded(again)), value)
    every_member(value)


def same(ours: object, theirs: object) -> bool:
    """Whether both are one value. An integer is the float that JavaScript reads."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    numbers = isinstance(ours, int | float) and isinstance(theirs, int | float)
    if numbers and not isinstance(ours, bool) and not isinstance(theirs, bool):
        return float(ours) == float(theirs)  # type: ignore[arg-type]  # both are numbers
    return type(ours) is type(theirs) and ours == theirs


def every_member(value: object) -> None:
    """No name that reaches a prototype, no half of a surrogate pair, and no number that JSON does not have."""
    if isinstance(value, dict):
        assert {"__proto__", "constructor", "prototype"}.isdisjoint(value)
        assert len({name.casefold() for name in value}) == len(value)
        for member in value.values():
            every_member(member)
        "".join(value).encode()
    elif isinstance(value, list):
        for item in value:
            every_member(item)
    elif isinstance(value, str):
        value.encode()
    elif isinstance(value, float):
        assert abs(value) < float("inf")


def calls(data: bytes) -> None:
    """The content of one call, and of a batch of three, with and without superjson."""
    for transformer in ("superjson", "none"):
        for count, batch in ((1, False), (1, True), (3, True)):
            try:
                values = inputs(decoded(data), batch, count, transformer)
            except ValueError as error:
                assert str(error).isascii() and len(str(error)) < 120
                continue
            assert len(values) == count


def bodies(data: bytes) -> None:
    """What policies are given of a request with that content, as REST and as tRPC: as many values as calls."""
    for target, count in (("/x", 0), ("/api/trpc/a", 1), ("/api/trpc/a,a?batch=1", 2)):
        exchange = Exchange("POST", target, {b"content-type": b"application/json"}, "192.0.2.1", 0.0)
        exchange.query = target.partition("?")[2]
        exchange.calls = [Call("a")] * count
        exchange.body = data
        try:
            values = inputs_of(exchange)
        except ValueError as error:
            assert str(error).isascii() and len(str(error)) < 120
            continue
        assert len(values) == max(count, 1)
        assert data or all(value is MISSING for value in values)


def checked(data: bytes) -> None:
    """What a schema is given of a request with that content, and what other policies are given after it."""
    for target, count in (("/x", 0), ("/api/trpc/a", 1), ("/api/trpc/a,a?batch=1", 2)):
        exchange = Exchange("POST", target, {b"content-type": b"application/json"}, "192.0.2.1", 0.0)
        exchange.query = target.partition("?")[2]
        exchange.calls = [Call("a")] * count
        exchange.body = data
        try:
            found = checked_inputs(exchange, 32)
        except ValueError as error:
            assert str(error).isascii() and len(str(error)) < 180
            continue
        assert len(found) == max(count, 1)
        if count == 0 and data:
            assert same(found[0].value, plain.loads(data)), found
        for value, dates in found:
            for path in dates:
                inner: Any = value
                for name in path:
                    inner = inner[int(name) if isinstance(inner, list) else name]
                assert isinstance(inner, str)
        try:
            assert len(inputs_of(exchange)) == max(count, 1)
        except ValueError as error:
            assert str(error).isascii() and len(str(error)) < 120
