"""From files to one frozen configuration, or to all problems they have."""

from __future__ import annotations

import time
from collections.abc import Mapping as Named
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from gateway.config import routes
from gateway.config.acknowledgements import Acknowledgement
from gateway.config.checks import (
    acknowledgements,
    breakers,
    coverage,
    egress,
    exposure,
    fallbacks,
    field_lists,
    forms,
    guarded_paths,
    loops,
    passed_headers,
    ports,
    production,
    reachability,
    reading,
    redis,
    references,
    tls,
    unused,
)
from gateway.config.checks.production import Production
from gateway.config.digest import LARGEST_FILE, effective_digest
from gateway.config.environment import Environment
from gateway.config.files_read import FilesRead
from gateway.config.gaps import Gaps
from gateway.config.listen_settings import Listen
from gateway.config.model import Config, Defaults, Entry, Head, Ops, Route, State, UpstreamSettings, WrittenRoute
from gateway.config.names import NAME_PATTERN, NOT_A_NAME, matches
from gateway.config.policies import Files, Written, gather, included, refuse_other_keys, understand, unique
from gateway.config.policy_keys import policies_of
from gateway.config.problem import Location, Problem, Report
from gateway.config.provenance import names_of, settings_of
from gateway.config.reporting import ROUTES
from gateway.config.shape import holds_secret
from gateway.config.stand_ins import StandIns
from gateway.config.tree import Mapping, NodePath, Scalar, Sequence, child
from gateway.config.validate import LATER_KEYS, LATER_SECTIONS, NOT_AVAILABLE, NOT_AVAILABLE_HINT, mapping_at, parse
from gateway.policy.base.settings import Policy
from gateway.policy.kinds import SECTIONS

M = TypeVar("M", bound=BaseModel)
Kinds = Named[str, type[Policy]]


def shipped_kinds() -> Kinds:
    """The settings class of every kind of policy there is, by section."""
    return {section: kind.settings for section, kind in SECTIONS.items() if kind.settings is not None}


def load(
    path: Path,
    env: Named[str, str],
    kinds: Kinds | None = None,
    environment: str = "",
    stand_ins: StandIns | None = None,
    reads: FilesRead | None = None,
) -> Config | list[Problem]:
    """The configuration whose entry file is ``path``, or its problems in the order of the files; never raises for input.

    ``env`` holds the variables for ``${NAME}``; relative file names start at the folder of ``path``. ``kinds`` maps
    sections of policies to their settings, those of ``policy.kinds`` unless given. ``environment`` takes the place of the one
    that is written. ``stand_ins`` takes the place of variables and files that are not here; such a configuration is for
    checking, and not to be served. ``reads`` gets what was read, whatever came of it.
    """
    report = Report()
    loading = _Loading(path, env, shipped_kinds() if kinds is None else kinds, report, environment, stand_ins, reads)
    loaded = loading.config()
    problems = report.problems()
    if loaded is None or problems:
        return problems
    return replace(loaded, digest=effective_digest(loaded), warnings=tuple(report.warnings()))


class _Loading:
    """One loading. Invalid parts are reported and left out, so that the rest is still checked."""

    def __init__(
        self,
        path: Path,
        env: Named[str, str],
        kinds: Kinds,
        report: Report,
        environment: str,
        stand_ins: StandIns | None,
        reads: FilesRead | None,
    ) -> None:
        self._instead = environment
        self._stand_ins = stand_ins
        self._path = path
        self._base = path.parent
        self._kinds = kinds
        self._report = report
        self._reads = reads or FilesRead()
        environs = Environment(env, self._base, report, self._holds_secret, stand_ins, self._reads)
        self._files = Files(environs, report, reads=self._reads)
        self._unsound: set[str] = set()
        self._gaps = Gaps(kinds)
        self._acknowledgements: list[Acknowledgement] = []

    def config(self) -> Config | None:
        entry = self._files.read(self._path)
        if entry is None:
            return None
        self._check_top(entry)
        head = parse(Head, entry.only(list(Head.model_fields)), (), self._base, self._report, self._gaps.parts)
        written = self._policies(entry)
        policies = understand(written, self._kinds, self._base, self._report, self._reads)
        upstreams = self._upstreams(entry)
        defaults = self._gaps.defaults(entry, self._base, self._report)
        located = self._routes(entry, defaults)
        config = Config(
            environment=self._instead or (head.environment if head else self._environment(entry)),
            region=(head.region or "") if head else "",
            listen=self._part(Listen, entry, "listen", Listen()),
            ops=self._part(Ops, entry, "ops", Ops()),
            state=self._part(State, entry, "state", State()),
            defaults=defaults,
            upstreams=upstreams,
            routes=tuple(route for route, _ in located),
            policies=policies,
            files=tuple(self._files.paths),
            acknowledgements=tuple(self._acknowledgements),
        )
        self._check_names(entry, config, located, written)
        if "state" not in self._unsound:
            wrong = production.cannot_open(config.state.path) if self._stand_ins is None else None
            if wrong:
                location = Location(entry.entries.get("state", entry), ("state",), self._report)
                location.add(("path",), wrong, "name a folder that the gateway may write to")
            redis.check(config.state, Location(entry.entries.get("state", entry), ("state",), self._report))
            references.check_key(config.state, Location(entry.entries.get("state", entry), ("state",), self._report))
            references.check_leases(policies.get("rate_limits", {}), config.state, written, self._report)
        self._check_certificates(config, entry)
        at = {(ROUTES, route.name): location for route, location in located}
        at |= {policy: Location(each.node, policy, self._report) for policy, each in written.items()}
        for (section, name, *below), sentence, hint in exposure.report_remarks(config):
            at[str(section), str(name)].warn(tuple(below), sentence, hint)
        production.check_environment(entry, config, self._report)
        if config.environment == production.PRODUCTION:
            Production(config, entry, written, located, self._unsound, self._report).check()
        return replace(config, settings=settings_of(config, entry, written), named_at=names_of(entry, written))

    def _check_certificates(self, config: Config, entry: Mapping) -> None:
        certificates = config.listen.tls
        for file in (certificates.cert, certificates.key) if certificates is not None else ():
            self._reads.note(file, LARGEST_FILE)
        if self._stand_ins is not None and certificates is not None:
            missing = [path for path in (certificates.cert, certificates.key) if not path.exists()]
            self._stand_ins.names += [str(path) for path in missing]
            if missing:
                return
        tls.check(certificates, Location(entry.entries.get("listen", entry), ("listen",), self._report))

    def _part(self, model: type[M], entry: Mapping, key: str, otherwise: M) -> M:
        """The part of the entry file under ``key``, or ``otherwise`` when it is not written or not valid."""
        node = entry.entries.get(key, Mapping({}, {}, entry.position))
        if isinstance(node, Scalar) and node.value is None and not node.broken:
            node = Mapping({}, {}, node.position)
        part = parse(model, node, (key,), self._base, self._report)
        if part is None:
            self._unsound.add(key)
        return part or otherwise

    def _holds_secret(self, path: NodePath) -> bool:
        """Whether the value at ``path`` of any of the files is declared a secret."""
        section, *below = path or ("",)
        if section in self._kinds:
            return holds_secret(self._kinds[str(section)], tuple(below[1:]))
        return holds_secret(Entry, path)

    @staticmethod
    def _environment(entry: Mapping) -> str:
        """The environment when the rest of the head is invalid: the strict checks must not wait for another problem."""
        written = child(entry, "environment")
        return str(written.value) if isinstance(written, Scalar) and not written.broken else ""

    def _check_top(self, entry: Mapping) -> None:
        known = [*Entry.model_fields, *self._kinds]
        for key, position in entry.keys.items():
            if key in LATER_KEYS:
                self._report.add(position, (key,), NOT_AVAILABLE, NOT_AVAILABLE_HINT)
            elif key not in known and key not in LATER_SECTIONS:
                self._gaps.unknown_key(entry, key, known, "is not a known key", self._report)

    def _policies(self, entry: Mapping) -> dict[tuple[str, str], Written]:
        found = gather(entry, self._kinds, self._report)
        self._acknowledge(entry)
        self._gaps.note_sections(entry)
        for path in included(entry, self._base, self._report, self._reads):
            if path == self._path:
                continue
            tree = self._files.read(path)
            if tree is None:
                self._gaps.add("include")
                continue
            refuse_other_keys(tree, self._kinds, self._report, self._gaps)
            found += gather(tree, self._kinds, self._report)
            self._acknowledge(tree)
            self._gaps.note_sections(tree)
        if self._report.has(("include",)):
            self._gaps.add("include")
        return unique(found, self._report)

    def _acknowledge(self, tree: Mapping) -> None:
        self._acknowledgements += acknowledgements.acknowledgements_of(tree, self._base, self._report, time.time())

    def _upstreams(self, entry: Mapping) -> dict[str, UpstreamSettings]:
        written = mapping_at(entry, "upstreams", self._report)
        if self._report.has(("upstreams",)) and written is None:
            self._gaps.add("upstreams")
        upstreams: dict[str, UpstreamSettings] = {}
        for name, node in written.entries.items() if written else ():
            path = ("upstreams", name)
            if not matches(NAME_PATTERN, name):
                self._report.add(written.keys[name] if written else node.position, path, NOT_A_NAME)
            upstream = parse(UpstreamSettings, node, path, self._base, self._report)
            if upstream is not None:
                upstreams[name] = upstream
        return upstreams

    def _routes(self, entry: Mapping, defaults: Defaults) -> list[tuple[Route, Location]]:
        written = entry.entries.get("routes")
        if not isinstance(written, Sequence):
            position = written.position if written else entry.position
            if "routes" not in self._gaps:
                self._report.add(position, ("routes",), "must be a list of routes" if written else "is missing")
            self._gaps.add("routes")
            return []
        located = []
        for index, node in enumerate(written.items):
            path = ("routes", index)
            parsed = parse(WrittenRoute, node, path, self._base, self._report)
            if parsed is not None:
                located.append((routes.complete(parsed, defaults, node.position), Location(node, path, self._report)))
        if len({route.name for route, _ in located}) < len(written.items):
            self._gaps.add("routes")
        return located

    def _check_names(
        self,
        entry: Mapping,
        config: Config,
        located: list[tuple[Route, Location]],
        written: dict[tuple[str, str], Written],
    ) -> None:
        """Reports the problems that only several parts together show."""
        names: dict[str, list[str]] = {section: [] for section in self._kinds}
        for section, name in written:
            names[section].append(name)
        names = self._gaps.names(names)
        defaults_location = Location(entry.entries.get("defaults", entry), ("defaults",), self._report)
        references.check_policies(policies_of(config.defaults), defaults_location, names)
        known_upstreams = child(entry, "upstreams")
        upstream_names = list(known_upstreams.entries) if isinstance(known_upstreams, Mapping) else []
        known = upstream_names if "upstreams" not in self._gaps else None
        first: dict[str, Route] = {}
        for route, location in located:
            earlier = first.setdefault(route.name, route)
            if earlier is not route:
                location.add(("name",), f"is taken by the route in line {earlier.position.line}")
            references.check_policies(route.policies, location, names)
            references.check_upstream(route, location, known)
            references.check_keys(route, location, config.policies.get("rate_limits", {}))
            routes.check(route, location, config.upstreams, len(config.upstreams) == len(upstream_names))
            reading.check_body(route, location, config.policies)
            forms.check_form(route, location, config.policies)
        reachability.check(located, config.upstreams)
        if coverage.SECTION not in self._gaps and "defaults" not in self._gaps:
            coverage.check(config, located)
        if "routes" not in self._gaps:
            coverage.check_files(config, written, self._report)
        reading.check_strangers(config.routes, config.policies, written, self._report)
        guarded_paths.check(located, config.upstreams, config.policies.get("fallbacks", {}))
        known_routes = first if "routes" not in self._gaps else None
        breakers.check_breakers(config.policies.get(breakers.SECTION, {}), written, known_routes, self._report)
        egress.check(config, entry, located, self._report)
        loops.check(config, entry, self._report)
        passed_headers.check(config, written, self._report)
        ports.check(config.listen, config.ops, Location(entry.entries.get("ops", entry), ("ops",), self._report))
        field_lists.FieldLists(config, written, self._report).check()
        listen = Location(entry.entries.get("listen", entry), ("listen",), self._report)
        field_lists.check_trusted(config, listen)
        if known_upstreams is not None:
            location = Location(known_upstreams, ("upstreams",), self._report)
            references.check_mounts(config.upstreams, location)
            field_lists.check_edits(config.upstreams, location)
            references.check_calling(config.upstreams, location)
            breakers.check_probes(config.upstreams, location, config.policies.get(breakers.SECTION, {}))
            breakers.check_required(config.upstreams, location, config.policies.get(breakers.SECTION, {}))
            fallbacks.check(config.upstreams, location, names, config.policies.get("fallbacks", {}))
        unused.check(config, written, Location(known_upstreams or entry, ("upstreams",), self._report), self._report)
        fallbacks.check_targets(written, config.policies.get("fallbacks", {}), known, self._report)
