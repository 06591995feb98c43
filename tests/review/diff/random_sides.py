"""Random configurations of few names, and random requests: small enough that two of them often meet."""

from __future__ import annotations

import copy
import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gateway.config.model import NOWHERE, Config, Defaults, UpstreamSettings, WrittenRoute
from gateway.config.routes import complete
from gateway.core.methods import METHODS
from gateway.policy.kinds import SECTIONS
from gateway.policy.schema.settings import SchemaFiles
from gateway.review.diff.change import SentRequest

SECRET = "0123456789abcdef0123456789abcdef"
PATHS = ("/a", "/a/*", "/a/b", "/a/b/*", "/c", "/c/*")
PROCEDURES = ("x.one", "x.two", "x.*", "y.one", "y.*")
ORIGINS = ("https://a.example", "https://*.b.example", "https://c.b.example", "*")
SCHEMAS = (
    b'{"type": "object"}',
    b'{"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}}}',
    b'{"type": "object", "properties": {"name": {"type": "string", "maxLength": 9}}, "required": ["name"]}',
    b"true",
)
INPUTS = ("x.one", "x.two", "y.one", "r0", "r1", "r2", "r3", "r4")
UNTIL = "2099-01-01"

Written = dict[str, Any]
"""What files would say: ``policies``, ``defaults``, ``routes`` and ``upstreams``."""


@dataclass(frozen=True, slots=True)
class RandomSides:
    """Makes what ``chance`` says."""

    chance: random.Random

    def written(self) -> Written:
        """One side."""
        chance = self.chance
        made: Written = {
            "policies": {section: {name: self.policy(section) for name in names} for section, names in _NAMES.items()},
            "defaults": {
                "auth": chance.choice(("token", "other", "public")),
                "cors": chance.choice((None, "app", "wide")),
                "rate_limits": self._some(("calls", "tries")),
                "body": chance.choice((None, "small", "large")),
            },
            "upstreams": {"api": self.upstream("api"), "files": self.upstream("files")},
            "routes": [self.route(f"r{number}") for number in range(chance.randint(2, 5))],
        }
        return made

    def changed(self, written: Written) -> Written:
        """Another side, which differs from ``written`` in one thing or a few."""
        other = copy.deepcopy(written)
        for _ in range(self.chance.choice((1, 1, 1, 2, 3))):
            self._change(other)
        return other

    def _change(self, written: Written) -> None:
        chance, routes = self.chance, written["routes"]
        match chance.randrange(9):
            case 0 | 1 | 2:
                section = chance.choice(list(written["policies"]))
                written["policies"][section][chance.choice(_NAMES[section])] = self.policy(section)
            case 3 | 4:
                index = chance.randrange(len(routes))
                fresh = self.route(routes[index]["name"])
                key = chance.choice([*fresh])
                if key not in ("procedures", "paths", "upstream", "rewrite", "batch") or key in routes[index]:
                    routes[index] = {**routes[index], key: fresh[key]}
            case 5:
                routes[chance.randrange(len(routes))] = self.route(f"r{chance.randrange(6)}")
            case 6:
                chance.shuffle(routes)
            case 7:
                key, value = chance.choice([*self.written()["defaults"].items()])
                written["defaults"][key] = value
            case 8:
                name = chance.choice(("api", "files"))
                written["upstreams"][name] = self.upstream(name)

    def policy(self, section: str) -> Written:
        """The settings of one policy of ``section``."""
        chance = self.chance
        mode = {"mode": "report", "until": UNTIL} if chance.random() < 0.1 else {}
        match section:
            case "auth":
                made: Written = {
                    "kind": "jwt",
                    "algorithms": ["HS256"],
                    "secret": SECRET,
                    "require": chance.choice(({}, {"type": "access"}, {"type": "refresh"})),
                    "leeway": chance.choice((0.0, 30.0)),
                    "audience": chance.choice((None, "me")),
                    "scopes": chance.choice(((), ("read",))),
                }
            case "cors":
                made = {
                    "origins": self._some(ORIGINS) or ["https://a.example"],
                    "no_origin": chance.choice(("allow", "allow", "allow", "refuse")),
                    "methods": self._some(("GET", "POST", "DELETE")),
                    "preflight": chance.choice(("silent", "refuse")),
                }
                if "*" in made["origins"]:
                    made["origins"] = ["*"]
            case "rate_limits":
                key = self._some(("address", "principal", "route", "header:x-k")) or ["address"]
                made = {"limit": f"{chance.randint(2, 6)}/minute", "key": key}
                if chance.random() < 0.5:
                    made["burst"] = chance.randint(2, 6)
            case "bodies":
                made = {
                    "max": chance.choice((20, 40, None)),
                    "types": self._some(("application/json", "text/plain")),
                    "without_content": chance.choice(((), (), ("GET",), ("DELETE",))),
                    "query": chance.choice((None, {"max": 60, "parameters": 2}, {"max": 80})),
                }
            case "lockouts":
                made = {
                    "account": "/email",
                    "failures": chance.randint(1, 4),
                    "on_status": chance.choice(((401,), (401, 403))),
                    "scope": chance.choice(("account", "account+address")),
                    "address": None,
                }
            case _:
                contents = {name: chance.choice(SCHEMAS) for name in INPUTS}
                made = {"files": SchemaFiles("*.json", contents), "max_depth": chance.choice((4, 8))}
        return {**made, **mode}

    def upstream(self, name: str) -> Written:
        """The settings of the upstream ``name``."""
        chance = self.chance
        made: Written = {"endpoints": [{"url": f"http://127.0.0.1:{9 if name == 'api' else 10}"}]}
        if name == "api":
            aliases = chance.choice(({}, {"z": "x.one"}, {"z": "y.one"}))
            made["trpc"] = {
                "prefix": "/t",
                "max_batch": chance.choice((2, 3)),
                "aliases": aliases,
                "transformer": "none",
            }
        else:
            made["paths"] = chance.choice(({"case": "ignored"}, {"case": "same", "slash": "same", "suffix": "same"}))
        return made

    def route(self, name: str) -> Written:
        """One route."""
        chance = self.chance
        made: Written = {"name": name}
        if chance.random() < 0.4:
            made |= {"procedures": self._some(PROCEDURES) or ["x.one"], "upstream": "api"}
            made["methods"] = self._some(("GET", "POST")) or ["POST"]
            made["batch"] = chance.choice(("allow", "allow", "deny"))
        else:
            made |= {"paths": self._some(PATHS) or ["/a"], "upstream": "files"}
            made["methods"] = self._some(("GET", "POST", "DELETE")) or ["GET"]
        if chance.random() < 0.07:
            return {**made, "deny": "closed"}
        for key, values in (
            ("auth", ("token", "other", "public")),
            ("cors", ("app", "wide")),
            ("body", ("small", "large")),
            ("lockout", ("accounts",)),
            ("schema", ("inputs",)),
        ):
            if chance.random() < 0.4:
                made[key] = chance.choice(values)
        if chance.random() < 0.5:
            made["rate_limits"] = self._some(("calls", "tries", "more"))
        if chance.random() < 0.08:
            made |= {"mode": "report", "until": UNTIL}
        return made

    def request(self, written: Written, names: Collection[str] = ()) -> SentRequest:
        """A request that one of the routes of ``written`` may take, one of ``names`` where it has any of them."""
        chance = self.chance
        wanted = [route for route in written["routes"] if route["name"] in names]
        route = chance.choice(wanted or written["routes"])
        headers: list[tuple[str, str]] = []
        if chance.random() < 0.15:
            headers.append(
                ("origin", chance.choice(("https://a.example", "https://c.b.example", "https://evil.example")))
            )
        if chance.random() < 0.2:
            headers.append(("x-k", chance.choice("12")))
        method = chance.choice((*route["methods"] * 12, *METHODS))
        body = b""
        if method == "POST" or chance.random() < 0.03:
            body = chance.choice(
                (b"{}", b'{"name": "abc"}', b'{"email": "a@b.co"}', b'{"name": "abcdefg"}', b"[" * 5 + b"]" * 5)
            )
            body = body.ljust(chance.choice((0, 0, 0, 30, 50)))
            headers.append(("content-type", chance.choice(("application/json", "application/json", "text/plain"))))
        if "paths" in route and chance.random() < 0.7:
            target = chance.choice(route["paths"]).replace("*", chance.choice("bd"))
        elif "paths" in route:
            target = chance.choice(("/a", "/a/b", "/a/d", "/a/b/d", "/c/d", "/A/b", "/a/B", "/e", "/a/b/", "/a/d%2Fd"))
        else:
            names = chance.choice(route["procedures"]).replace("*", chance.choice(("one", "z")))
            target = f"/t/{chance.choice((names, names, names, 'z', 'q'))}"
            if chance.random() < 0.3:
                others = chance.choices(("x.one", "x.two", "y.one", "z"), k=chance.randint(0, 3))
                target = f"/t/{','.join([names, *others])}?batch=1"
                body = b'{"0": {}}' if body else b""
        if chance.random() < 0.1:
            target += ("&" if "?" in target else "?") + "q=" + "x" * chance.choice((5, 70))
        claims = chance.choice((None, {}, {}, {"type": "access"}, {"type": "refresh"}, {"aud": "you"}, {"scope": ""}))
        return SentRequest(
            method=method,
            target=target,
            headers=tuple(headers),
            body=body,
            address=chance.choice(("203.0.113.7", "203.0.113.8")),
            claims=claims,
            repeat=chance.choice((1, 1, 1, 1, 3, 6)),
            upstream=chance.choice((200, 200, 401)),
        )

    def _some(self, values: tuple[str, ...]) -> list[str]:
        return [value for value in values if self.chance.random() < 0.45]


_NAMES: dict[str, tuple[str, ...]] = {
    "auth": ("token", "other"),
    "cors": ("app", "wide"),
    "rate_limits": ("calls", "tries", "more"),
    "bodies": ("small", "large"),
    "lockouts": ("accounts",),
    "schemas": ("inputs",),
}


def config(written: Written) -> Config:
    """The configuration that ``written`` is. Raises ValueError for what is none."""
    defaults = Defaults.model_validate(written["defaults"])
    routes = []
    for index, each in enumerate(written["routes"]):
        if each["name"] in {other["name"] for other in written["routes"][:index]}:
            continue
        route = complete(WrittenRoute.model_validate(each), defaults, NOWHERE)
        routes.append(route)
    policies = {
        section: {
            name: SECTIONS[section].settings.model_validate(settings)  # type: ignore[union-attr]  # each has settings
            for name, settings in named.items()
        }
        for section, named in written["policies"].items()
    }
    upstreams = {name: UpstreamSettings.model_validate(each) for name, each in written["upstreams"].items()}
    return Config(defaults=defaults, routes=tuple(routes), policies=policies, upstreams=upstreams)
