"""The section of /health about the configuration, and its settings one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from gateway.config.setting import Setting
from gateway.core.secret import Secret
from gateway.ops.plain import redact, rfc3339


class RefusedStatus(Protocol):
    """A reload that was refused ``at`` a moment (Unix seconds)."""

    @property
    def at(self) -> float: ...
    @property
    def problems(self) -> Sequence[str]: ...


def reload_status(refused: RefusedStatus | None, pending: Sequence[str]) -> dict[str, Any]:
    """What keeps the files from being what runs: the last reload, when it was ``refused``, and the settings that are
    ``pending`` until a restart."""
    shown = None if refused is None else {"at": rfc3339(refused.at), "problems": list(refused.problems)}
    return {"refused": shown, "needs_restart": list(pending)}


def reload_reasons(refused: RefusedStatus | None, pending: Sequence[str]) -> list[str]:
    """The same for people; nothing when the files are what runs."""
    found = []
    if refused is not None:
        more = len(refused.problems) - 1
        rest = f" (and {more} more)" if more > 0 else ""
        found.append(f"the reload of {rfc3339(refused.at)} was refused: {''.join(refused.problems[:1])}{rest}")
    if pending:
        found.append(f"only a restart brings into force: {', '.join(pending)}")
    return found


def listed(settings: Iterable[Setting], fingerprint: Callable[[Secret], str]) -> list[dict[str, Any]]:
    """``settings`` as JSON: where each comes from, and its value, or the fingerprint of a secret."""
    return [
        {
            "path": setting.path,
            **(
                {"fingerprint": fingerprint(setting.value) if setting.value else None}
                if isinstance(setting.value, Secret)
                else {"value": _plain(setting.value)}
            ),
            "source": setting.source,
            "at": setting.at or None,
        }
        for setting in settings
    ]


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(value, str | Path):
        return redact(str(value))
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {redact(str(key)): _plain(each) for key, each in value.items()}
    return redact(str(value))
