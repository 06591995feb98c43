"""One request explained: the route it takes, each stage with its settings, and what a client would get.

What is said comes from the stages that serve (``review.dry_run``), on an empty store: nothing is spent and nothing written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from gateway.config.model import Config
from gateway.config.setting import Setting
from gateway.core.secret import Secret
from gateway.policy.base.written import text
from gateway.policy.kinds import KINDS
from gateway.review.diff.where import Places
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.outcome import Outcome
from gateway.review.dry_run.places import path_of
from gateway.review.dry_run.request import DryRequest
from gateway.review.dry_run.response import ScriptedResponse
from gateway.review.dry_run.trace import TracedStage
from gateway.review.explain.above import NotTaken, RoutedBy, above
from gateway.review.explain.explanation import DEFAULT, ExplainedStage, Explanation, StageSetting
from gateway.review.explain.refused_by import refused_by

LONGEST = 120
"""Characters of one setting that are shown."""

EMPTY = "limits, lockouts and breakers are asked as if this were the first request"

_ROUTE_KEYS = {kind.name: kind.route_key for kind in KINDS if kind.route_key}


def explain(config: Config, request: DryRequest, at: float, response: ScriptedResponse | None = None) -> Explanation:
    """What becomes of ``request`` under ``config`` at Unix seconds ``at``, were its upstream to send ``response`` (200 unless
    given)."""
    outcome = DryRun(config, at=at).run(request, response)
    return Explained(config).outcome(outcome, request)


class Explained:
    """Explains outcomes under one configuration."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._places = Places(config)
        self._settings: Mapping[str, Setting] = {setting.path: setting for setting in config.settings}
        self._below: dict[str, list[Setting]] = defaultdict(list)  # by section and name of a policy
        for setting in config.settings:
            section, _, rest = setting.path.partition(".")
            self._below[f"{section}.{rest.partition('.')[0]}"].append(setting)

    def outcome(self, outcome: Outcome, request: DryRequest) -> Explanation:
        """The explanation of ``outcome``, which became of ``request``."""
        return Explanation(
            outcome,
            self._places.route(outcome.route),
            self._above(outcome, request),
            [self._stage(stage, self._routes(outcome)) for stage in outcome.stages],
            [*self.refused_by(outcome), EMPTY],
        )

    def refused_by(self, outcome: Outcome) -> list[str]:
        """A sentence on the settings that refuse it outside its stages, if any do."""
        path, routes = outcome.canonical.path, self._routes(outcome)
        found = list(refused_by(self._config, self._places, outcome.verdict, path, routes))
        return [f"refused by {', '.join(found)}"] if found else []

    @staticmethod
    def _routes(outcome: Outcome) -> list[str]:
        return list(dict.fromkeys(call.route for call in outcome.calls)) or [outcome.route]

    def _above(self, outcome: Outcome, request: DryRequest) -> list[NotTaken]:
        method, path, query = outcome.canonical
        if not path:
            return []
        wanted = {name.lower(): value for name, value in request.pairs}
        if method == "OPTIONS" and "origin" in wanted:
            method = wanted.get("access-control-request-method", method)
        return above(self._config, RoutedBy(request.listener, method, path, query), self._routes(outcome))

    def _stage(self, stage: TracedStage, routes: list[str]) -> ExplainedStage:
        path = path_of(stage.kind, stage.policy)
        return ExplainedStage(stage, self._settings_at(path) if path else (), self._named(stage, routes))

    def _settings_at(self, path: str) -> list[StageSetting]:
        section, _, rest = path.partition(".")
        found = self._below.get(f"{section}.{rest.partition('.')[0]}", ())
        return [
            StageSetting(one.path[len(path) + 1 :] or one.path.rpartition(".")[2], shown(one.value), _where(one))
            for one in found
            if one.path == path or one.path.startswith(f"{path}.")
        ]

    def _named(self, stage: TracedStage, routes: list[str]) -> str:
        """Where one of ``routes`` names the policy of ``stage``, or that it is of ``defaults``."""
        key = _ROUTE_KEYS.get(stage.kind, "")
        if not key or not stage.policy:
            return ""
        for route in routes:
            setting = self._settings.get(f"routes.{route}.{key}")
            if setting is not None and _names(setting.value, stage.policy):
                if setting.source != "defaults":
                    return _where(setting)
                return f"defaults {self._places.setting(('defaults', key))}".strip()
        return ""


def shown(value: object) -> str:
    """A setting as people write it, on one line, cut; a secret is never shown."""
    if isinstance(value, Secret):
        return text(value)
    whole = " ".join(text(value).split())
    return whole if len(whole) <= LONGEST else whole[:LONGEST] + "…"


def _names(value: object, policy: str) -> bool:
    return policy in value if isinstance(value, list | tuple) else value == policy


def _where(setting: Setting) -> str:
    return setting.at.rpartition(":")[0] if setting.at else DEFAULT
