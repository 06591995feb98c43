"""Checks for ``environment: production``: settings that are convenient in development and dangerous outside."""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gateway.config.checks import exposure
from gateway.config.checks.placeholders import placeholders, used_twice
from gateway.config.checks.weakness import LEAST_SECRET_BYTES, origin_weakness, secret_weakness
from gateway.config.model import Config, Entry, Route
from gateway.config.policies import Written
from gateway.config.problem import Location, Report
from gateway.config.reporting import ROUTES
from gateway.config.shape import secrets
from gateway.config.tree import Mapping, NodePath, Position, Scalar, Sequence, child, follow
from gateway.config.upstream_settings import EndpointSettings
from gateway.core.loopback import is_loopback

PRODUCTION = "production"

# One of the gateway's own would fit no token of the backend.
_LENGTHEN = (
    f"it is the backend's own: make a longer one with openssl rand -base64 {LEAST_SECRET_BYTES}, and set it in both"
)
_MAKE_SECRET = f"make one with: openssl rand -base64 {LEAST_SECRET_BYTES}"
# Names that only resolve inside a host, a compose network or a cluster (RFC 6761, RFC 6762, RFC 9476).
_PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".svc", ".cluster.local", ".home.arpa", ".alt")


class Production:
    """The checks of one configuration: ``entry`` and ``policies`` are the written trees, ``config`` the parsed values."""

    def __init__(
        self,
        config: Config,
        entry: Mapping,
        policies: dict[tuple[str, str], Written],
        routes: list[tuple[Route, Location]],
        unsound: set[str],
        report: Report,
    ) -> None:
        """``unsound`` names the parts of the entry file with problems of their own; they are not checked here."""
        self._config = config
        self._entry = entry
        self._policies = policies
        self._routes = routes
        self._unsound = unsound
        self._report = report

    def check(self) -> None:
        """Adds every weakness to the report."""
        self._check_written_secrets()
        self._check_placeholders()
        self._check_exposure()
        self._check_tokens()
        self._check_origins()
        self._check_bodies()
        self._check_upstreams()
        if "ops" not in self._unsound:
            self._check_ops()
            self._check_ops_origins()
        if "state" not in self._unsound:
            self._check_state()

    def _add(self, path: NodePath, sentence: str, hint: str = "") -> None:
        node, _ = follow(self._entry, path)
        self._report.add_unless_reported(node.position, path, sentence, hint)

    def _secrets(self) -> Iterator[tuple[NodePath, Scalar]]:
        """Path and value of every secret in the entry file and in the policies."""
        yield from secrets(Entry, self._entry)
        for (section, name), written in self._policies.items():
            kind = type(self._config.policies.get(section, {}).get(name))
            if issubclass(kind, BaseModel):
                for below, scalar in secrets(kind, written.node):
                    yield (section, name, *below), scalar

    def _check_placeholders(self) -> None:
        found = list(self._secrets())
        for path, scalar, sentence, hint in (*placeholders(found), *used_twice(found)):
            self._add_at(scalar.position, path, sentence, hint)

    def _check_exposure(self) -> None:
        for (section, name, *below), sentence, hint in exposure.reports(self._config):
            if section == ROUTES:
                for route, location in self._routes:
                    if route.name == name:
                        location.add(tuple(below), sentence, hint)
            else:
                self._add_policy(str(section), str(name), tuple(below), sentence, hint)
        for part, findings in (
            ("listen", exposure.trusted(self._config.listen.trusted_proxies)),
            ("ops", exposure.operators(self._config.ops)),
        ):
            for path, sentence, hint in findings if part not in self._unsound else ():
                self._add(path, sentence, hint)

    def _check_written_secrets(self) -> None:
        for path, scalar in self._secrets():
            # The address of a store without a password is no secret.
            if scalar.value in (None, "") or (path == ("state", "redis") and "@" not in str(scalar.value)):
                continue
            if scalar.defaults:
                names = " and ".join(scalar.defaults)
                self._add_at(
                    scalar.position, path, f"falls back to its written default: {names} is not set", f"set {names}"
                )
            elif not scalar.expanded and "request_headers" not in path:
                # Header values have the type of a secret because some are one; a plain value may be written in the file.
                hint = "read it with ${NAME} or ${file:/path}"
                self._add_at(scalar.position, path, "stands in the file, where everybody who reads it has it", hint)

    def _add_at(self, position: Position, path: NodePath, sentence: str, hint: str = "") -> None:
        self._report.add_unless_reported(position, path, sentence, hint)

    def _check_tokens(self) -> None:
        for name, policy in self._config.policies.get("auth", {}).items():
            settings: Any = policy
            written = getattr(settings, "secret", None)
            for index, secret in enumerate(written) if isinstance(written, tuple) else ((None, written),):
                weakness = secret_weakness(secret.reveal()) if secret is not None else None
                if weakness:
                    listed = isinstance(child(self._policies["auth", name].node, "secret"), Sequence)
                    below = ("secret", index or 0) if listed else ("secret",)
                    self._add_policy("auth", name, below, weakness, _LENGTHEN)

    def _add_policy(self, section: str, name: str, below: NodePath, sentence: str, hint: str = "") -> None:
        node, _ = follow(self._policies[section, name].node, below)
        self._add_at(node.position, (section, name, *below), sentence, hint)

    def _check_origins(self) -> None:
        for (section, name), written in self._policies.items():
            origins = child(written.node, "origins") if section == "cors" else None
            for index, item in enumerate(origins.items if isinstance(origins, Sequence) else ()):
                weakness = (
                    origin_weakness(item.value) if isinstance(item, Scalar) and isinstance(item.value, str) else None
                )
                if weakness:
                    hint = "write https origins one by one, or https://*.your-domain"
                    self._add_policy("cors", name, ("origins", index), weakness, hint)

    def _check_bodies(self) -> None:
        bodies: dict[str, Any] = dict(self._config.policies.get("bodies", {}))
        for name, settings in bodies.items():
            if getattr(settings, "max", None) is None:
                self._add_policy(
                    "bodies", name, ("max",), "is missing: bodies of any length would pass", "such as 64KiB"
                )
        for route, location in self._routes:
            if not route.policies.get("bodies") and not route.deny:
                location.add(("body",), "is missing: bodies of any length would pass", "name a policy from bodies")

    def _check_ops(self) -> None:
        ops = self._config.ops
        if not ops.token and not (is_loopback(ops.host) or ops.host == "localhost"):
            sentence = "is missing, and the operators' listener can be reached from outside this host"
            self._add(("ops", "token"), sentence, "set a token, or listen on 127.0.0.1")

    def _check_ops_origins(self) -> None:
        for index, origin in enumerate(self._config.ops.origins):
            weakness = origin_weakness(origin)
            if weakness:
                self._add(("ops", "origins", index), weakness, "write https origins one by one")

    def _check_upstreams(self) -> None:
        for name, upstream in self._config.upstreams.items():
            for index, endpoint in enumerate(upstream.endpoints):
                if endpoint.scheme == "http" and not is_private(endpoint):
                    sentence = "is plain http to a host that is neither this one nor in a private network"
                    self._add(("upstreams", name, "endpoints", index, "url"), sentence, "use https")

    def _check_state(self) -> None:
        state = self._config.state
        if not state.key:
            self._add(("state", "key"), "is missing: account names are stored as hashes under it", _MAKE_SECRET)
        elif weakness := secret_weakness(state.key.reveal()):
            self._add(("state", "key"), weakness, _MAKE_SECRET)


def check_environment(entry: Mapping, config: Config, report: Report) -> None:
    """Reports a misspelt ``production``: with any other word the strict checks stay off."""
    word = config.environment
    node, _ = follow(entry, ("environment",))
    if word != PRODUCTION and (word in ("prod", "prd", "live") or difflib.get_close_matches(word, [PRODUCTION])):
        sentence = f"is {word}, which turns no strict check on"
        report.add_unless_reported(node.position, ("environment",), sentence, f"write {PRODUCTION}")


def is_private(endpoint: EndpointSettings) -> bool:
    """Whether ``endpoint`` is on this host or in a private network, judged by its name or address alone."""
    return is_private_host(endpoint.host)


def is_private_host(host: str) -> bool:
    """The same for an IP address or a name, such as ``10.0.0.5`` or ``ops.internal``."""
    name = host.lower().rstrip(".")
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return "." not in name or name.endswith(_PRIVATE_SUFFIXES)
    return any(address in network for network in exposure.PRIVATE if network.version == address.version)


def cannot_open(path: Path) -> str | None:
    """Why no store can be kept in the folder ``path``; None when one can. Nothing is created."""
    try:
        return _flaw_of_folder(path)
    except OSError as error:  # a folder on the way that may not be looked into, a name that is too long
        return f"cannot be opened: {error.strerror}"


def _flaw_of_folder(path: Path) -> str | None:
    if path.is_symlink() and not path.exists():
        return "cannot be opened: it is a link that leads nowhere"
    if path.exists() and not path.is_dir():
        return "is not a folder"
    nearest = next(folder for folder in (path, *path.parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        return f"cannot be opened: {nearest} may not be written to{_of_another(nearest)}"
    for name in ("data.mdb", "lock.mdb"):
        file = path / name
        if file.exists() and not file.is_file():
            return f"cannot be opened: {name} in it is no file"
        if file.exists() and not os.access(file, os.R_OK | os.W_OK):
            return f"cannot be opened: {name} in it may not be read and written{_of_another(file)}"
    if not (path / "data.mdb").exists() and _is_full(nearest):
        return "cannot be opened: no room is left on its disk"
    return None


def _of_another(path: Path) -> str:
    """Whose ``path`` is where that is another user, as on a volume that a container of another one has written; else empty."""
    owner, own = path.stat().st_uid, os.geteuid()
    return "" if owner == own else f": it belongs to uid {owner}, the gateway runs as uid {own}"


def _is_full(folder: Path) -> bool:
    """Whether nothing can be written on the disk of ``folder``. Some file systems know of no blocks at all."""
    disk = os.statvfs(folder)
    return disk.f_blocks > 0 and (disk.f_bavail if os.geteuid() else disk.f_bfree) == 0
