"""Every input that the shipped files let in has a schema, or it is said why not; and honest bodies of routes pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.config.checks.coverage import coverage_of
from gateway.config.load import load
from gateway.config.model import Config
from gateway.demo.procedures import PROCEDURES
from gateway.policy.schema.validator import compiled

ENTRY = Path(__file__).parents[2] / "upstreams.yaml"
SECRETS = {
    name: f"{name}-vY2n7QmZ-8sLr4Wd1xTgK0bHc6Jp9uAe3f"
    for name in ("JWT_SECRET", "TOOLKIT_API_KEY", "GATEWAY_OPS_TOKEN")
}


@pytest.fixture(scope="module")
def config() -> Config:
    found = load(ENTRY, SECRETS)
    assert isinstance(found, Config), "\n".join(map(str, found))
    return found


def test_every_input_is_judged_or_it_is_said_why_not(config: Config) -> None:
    """Closed procedures have their schemas too, so that opening one is safe."""
    inputs: Any = config.policies["schemas"]["inputs"]
    of_procedures = {row.name for row in PROCEDURES.values()}
    assert set(inputs.files.contents) == of_procedures | {
        "ai-text",
        "ai-image",
        "ai-image-edit",
        "app-logs",
        "stt-mock",
    }
    assert str(coverage_of(config)) == "62 of 62 procedures, 6 of 6 routes"
    assert (inputs.mode, inputs.max_depth) == ("enforce", 32)
    waived = {route.name: route.waivers["schemas"] for route in config.routes if "schemas" in route.waivers}
    assert set(waived) == {"transcribe", "info", "toolkit-out", "stt-out"}
    assert all(len(why) > 20 for why in waived.values())
    judged = [route for route in config.routes if route.listener == "public" and route.name not in waived]
    assert all(route.policies["schemas"] == ("inputs",) for route in judged)


# What the app and the backend send on routes of paths, and what they would not.
BODIES: dict[str, tuple[list[Any], list[Any]]] = {
    "ai-text": (
        [
            {"messages": []},
            {"messages": [{"role": "user", "content": "Hola"}]},
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, {"type": "image", "image": "iVBORw0="}]}]},
            {"prompt": "Hola", "temperature": 0.2},
        ],
        [None, [], {}, {"messages": "Hola"}, {"messages": ["Hola"]}, {"messages": [{"role": 5}]}, {"prompt": ["Hola"]}],
    ),
    "ai-image": ([{"prompt": "a cat", "size": "1024x1024"}], [None, {}, "a cat", {"prompt": 5}]),
    "ai-image-edit": (
        [{"prompt": "a hat", "images": [{"type": "image", "image": "iVBORw0="}]}, {"prompt": "a hat", "image": "iVBORw0="}],
        [None, {}, {"images": "iVBORw0="}, {"image": 5}],
    ),
    "app-logs": (
        [{"logs": [{"level": "error"}], "sig": {"hmac": "x", "algo": "sha256", "ts": 1}}, {"logs": [1], "sig": {"ts": "2026"}}],
        [None, {"logs": []}, {"logs": {}, "sig": {"ts": 1}}, {"logs": [], "sig": {"ts": None}}, {"logs": [], "sig": {}}],
    ),
    "stt-mock": ([None, {}], [[], "x"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_honest_bodies_pass(config: Config, name: str) -> None:
    inputs: Any = config.policies["schemas"]["inputs"]
    schema = compiled(json.loads(inputs.files.contents[name])).validator
    good, bad = BODIES[name]
    assert [value for value in good if not schema.is_valid(value)] == []
    assert [value for value in bad if schema.is_valid(value)] == []
