"""How two configurations compare apart from routes and the policies that they name: listeners, state, environment, region, and
upstreams with the breakers and fallbacks that those name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from gateway.config.listen_settings import Listen
from gateway.config.model import Config, State
from gateway.policy.base.order import Danger, Effect, SettingChange, below, changed, compared, neither, ranked_by
from gateway.policy.base.settings import Policy
from gateway.policy.base.written import NONE, text
from gateway.policy.fallback import orders as fallbacks
from gateway.policy.fallback.fallback import Settings as Fallback
from gateway.policy.kinds import SECTIONS

P = TypeVar("P", Listen, State)

# Every word but ``production`` is without the strict checks.
_environment = ranked_by(
    lambda name: name != "production",
    Danger.CHECK,
    "The strict checks of production are off: weaknesses that were refused at the start now pass.",
    "Weaknesses in the files are refused at the start.",
)
_named_otherwise = neither("The environment has another name.")
_region = neither("Servers (endpoints) of another region are preferred.")


def compare_parts(old: Config, new: Config) -> list[SettingChange]:
    """What differs, each path from the root of the files.

    Upstreams are compared where both sides have one of the name; of one that only one side has, the routes to it decide
    (``compare_upstreams``).
    """
    return list(dict.fromkeys(_changes(old, new)))  # a breaker of several upstreams differs once


def _changes(old: Config, new: Config) -> Iterator[SettingChange]:
    yield from _below("listen", compared(_from_base(old.listen, old), _from_base(new.listen, new)))
    yield from _below("ops", compared(old.ops, new.ops))
    yield from _below("state", compared(_from_base(old.state, old), _from_base(new.state, new)))
    environment = _environment if "production" in (old.environment, new.environment) else _named_otherwise
    yield from _below("environment", environment(old.environment, new.environment))
    yield from _below("region", _region(old.region or None, new.region or None))
    for name in sorted(old.upstreams.keys() & new.upstreams.keys()):
        yield from compare_upstreams(old, name, new, name)


def _below(key: str, changes: Iterable[SettingChange]) -> Iterator[SettingChange]:
    return (below(key, change) for change in changes)


def _from_base(part: P, config: Config) -> P:
    """``part`` with the names of files from the folder of the entry file on: the two sides may be in two folders."""
    base = config.files[0].parent if config.files else Path()
    if isinstance(part, State):
        return part.model_copy(update={"path": _relative(part.path, base)})
    if part.tls is None:
        return part
    tls = {name: _relative(getattr(part.tls, name), base) for name in ("cert", "key")}
    return part.model_copy(update={"tls": part.tls.model_copy(update=tls)})


def _relative(path: Path, base: Path) -> Path:
    return path.relative_to(base) if path.is_relative_to(base) else path


def compare_upstreams(old: Config, before: str, new: Config, after: str) -> Iterator[SettingChange]:
    """What differs for calls that went to the upstream ``before`` of ``old`` and go to ``after`` of ``new``: nothing where it only
    has another name. Paths are those of the new side."""
    one, other = old.upstreams[before], new.upstreams[after]
    found = [*compared(one, other)]
    breakers = [_enforced(config, "breakers", name) for config, name in ((old, one.breaker), (new, other.breaker))]
    yield from _below("upstreams", [below(after, change) for change in found])
    yield from _breakers(after, one.breaker, other.breaker, *breakers)
    yield from _fallbacks(after, _chain(old, one.fallback), _chain(new, other.fallback))


def _enforced(config: Config, section: str, name: str | None) -> Policy | None:
    return config.policies.get(section, {}).get(name) if name else None


def _breakers(
    upstream: str, before: str | None, after: str | None, old: Policy | None, new: Policy | None
) -> Iterator[SettingChange]:
    if old is not None and new is not None:
        yield from _of_policies(upstream, "breaker", (str(before), old), (str(after), new))
    elif old is not new:
        refuses = any(policy is not None and policy.mode == "enforce" for policy in (old, new))
        effect = Effect.CHANGES if not refuses else Effect.LOOSENS if new is None else Effect.TIGHTENS
        why = (
            "An upstream that fails gets every call." if new is None else "Calls are refused while the upstream fails."
        )
        change = changed(effect, before or NONE, after or NONE, Danger.LOAD, why)
        yield below("upstreams", below(upstream, below("breaker", change)))


def _of_policies(upstream: str, key: str, old: tuple[str, Policy], new: tuple[str, Policy]) -> Iterator[SettingChange]:
    """What differs between two policies that an upstream names after ``key``: in the policy, or in which one it names."""
    section = f"{key}s"
    for change in SECTIONS[section].compare(old[1], new[1]):
        if old[0] == new[0]:
            yield below(section, below(new[0], change))
        else:
            named = change._replace(before=f"{old[0]}: {change.before}", after=f"{new[0]}: {change.after}")
            yield below("upstreams", below(upstream, below(key, named)))


Chain = Sequence[tuple[str, Fallback]]


def _chain(config: Config, names: Sequence[str]) -> Chain:
    """The fallbacks of these names that exist."""
    known = config.policies.get("fallbacks", {})
    return [(name, policy) for name in names if isinstance(policy := known.get(name), Fallback)]


def _fallbacks(upstream: str, old: Chain, new: Chain) -> Iterator[SettingChange]:
    """Chains of one length are compared one by one; of others, what comes and goes."""
    if len(old) == len(new):
        for one, other in zip(old, new, strict=True):
            yield from _of_policies(upstream, "fallback", one, other)
        return
    gained = [policy for _, policy in new if policy not in [other for _, other in old]]
    lost = [policy for _, policy in old if policy not in [other for _, other in new]]
    opening = [policy for policy in gained if fallbacks.looks_good(policy)]
    closing = [policy for policy in lost if fallbacks.looks_good(policy)]
    effect = Effect.LOOSENS if opening else Effect.TIGHTENS if closing else Effect.CHANGES
    if opening:
        why = fallbacks.opened_by(opening[0])
    else:
        why = "A failure is an error again." if closing else "Clients get another error."
    before, after = (text([name for name, _ in chain]) if chain else NONE for chain in (old, new))
    yield below("upstreams", below(upstream, below("fallback", changed(effect, before, after, Danger.CHECK, why))))
