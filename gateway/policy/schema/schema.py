"""Requests whose input is as the schema of its procedure or route says. YAML section ``schemas``."""

from __future__ import annotations

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base.inputs import checked_inputs, malformed
from gateway.policy.base.pointer import MISSING
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.schema.document import read
from gateway.policy.schema.settings import Settings
from gateway.policy.schema.validator import Validator, compiled

SECTION = "schemas"


class Schema(Stage):
    """Judges the input of each call whose route names this policy, or the body of a route.

    May refuse with ``json_malformed``, ``schema_refused`` and ``media_type_refused``.
    """

    __slots__ = ("_max_depth", "_name", "_validators")

    def __init__(self, name: str, max_depth: int, validators: dict[str, Validator]) -> None:
        self._name = name
        self._max_depth = max_depth
        self._validators = validators

    def on_request(self, exchange: Exchange) -> Refusal | None:
        try:
            inputs = checked_inputs(exchange, self._max_depth)
        except ValueError as error:
            return malformed(self._name, error)
        calls = exchange.calls
        if not calls:
            return self._judge(exchange.route.name, inputs[0].value)
        for call, (value, _) in zip(calls, inputs, strict=True):
            if self._name in call.route.named[SECTION]:
                refusal = self._judge(call.procedure, value)
                if refusal is not None:
                    return refusal
        return None

    def _judge(self, name: str, value: object) -> Refusal | None:
        validator = self._validators.get(name)
        if validator is None:
            return refuse("schema_refused", f"{self._name}: no schema for {name}")
        if validator.is_valid(None if value is MISSING else value):
            return None
        return refuse("schema_refused", f"{self._name}: {name}")


def build(name: str, settings: Settings, tools: Tools) -> Schema:
    """The stage for the policy ``name``."""
    validators = {stem: compiled(read(octets)[1]).validator for stem, octets in settings.files.contents.items()}
    return Schema(name, settings.max_depth, validators)
