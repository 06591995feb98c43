"""What is set from where: every setting in effect beside the text that it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from gateway.config.model import Config, Route
from gateway.config.policies import Written
from gateway.config.policy_keys import INHERITED
from gateway.config.routes import described
from gateway.config.setting import Setting
from gateway.config.tree import Mapping as Tree
from gateway.config.tree import Node, NodePath, Scalar, child, format_path
from gateway.config.tree import Sequence as Items
from gateway.core.secret import Secret

_INHERITED = {kind.route_key for kind in INHERITED}
_PARTS = ("environment", "region", "listen", "ops", "state", "defaults", "upstreams")


def settings_of(config: Config, entry: Tree, written: Mapping[tuple[str, str], Written]) -> tuple[Setting, ...]:
    """The settings of ``config``, whose entry file is the tree ``entry`` and whose policies are ``written``."""
    found: list[Setting] = []
    for name in _PARTS:
        found += _settings(getattr(config, name), child(entry, name), (name,))
    for section, policies in config.policies.items():
        for name, policy in policies.items():
            found += _settings(policy, written[section, name].node, (section, name))
    routes = entry.entries.get("routes")
    nodes = routes.items if isinstance(routes, Items) else ()
    at = {node.position: node for node in nodes}
    for route in config.routes:
        found += _of_route(route, at.get(route.position))
    return tuple(found)


def names_of(entry: Tree, written: Mapping[tuple[str, str], Written]) -> dict[str, str]:
    """Where each policy and each upstream is named, as file:line by its path such as ``auth.access-token``."""
    upstreams = child(entry, "upstreams")
    at = (
        {("upstreams", name): position for name, position in upstreams.keys.items()}
        if isinstance(upstreams, Tree)
        else {}
    )
    at |= {path: policy.position for path, policy in written.items()}
    return {format_path(path): f"{position.file}:{position.line}" for path, position in at.items()}


def _settings(value: object, node: Node | None, path: NodePath) -> Iterator[Setting]:
    """One setting for each value that is no group of others; what is not there and not written is none."""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            key = field.alias or name
            yield from _settings(getattr(value, name), child(node, key), (*path, key))
    elif isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _settings(each, child(node, str(key)), (*path, str(key)))
    elif isinstance(value, tuple) and any(isinstance(each, BaseModel | Secret) for each in value):
        for index, each in enumerate(value):
            yield from _settings(each, child(node, index) if isinstance(node, Items) else node, (*path, index))
    elif value is not None or node is not None:
        yield Setting(format_path(path), value, *_origin(node))


def _of_route(route: Route, node: Node | None) -> Iterator[Setting]:
    for key, value in described(route).items():
        below = child(node, key)
        if value is not None and value != []:
            source, at = _origin(below)
            inherited = below is None and key in _INHERITED and route.listener == "public"
            yield Setting(f"routes.{route.name}.{key}", value, "defaults" if inherited else source, at)


def _origin(node: Node | None) -> tuple[str, str]:
    """Where ``node`` gets its value from, and its place in the files."""
    if node is None:
        return "default", ""
    sources = dict.fromkeys(_sources(node))
    return ", ".join(sources) or "file", str(node.position)


def _sources(node: Node) -> Iterator[str]:
    if not isinstance(node, Tree):
        yield from node.sources
    for below in () if isinstance(node, Scalar) else node.items if isinstance(node, Items) else node.entries.values():
        yield from _sources(below)
