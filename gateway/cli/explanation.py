"""An explanation of one request on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.ops.plain import clean
from gateway.review.dry_run.trace import NOT_REACHED, PASS

_CLOSE = ("listener", "method")
"""Parts that alone kept a route from taking a request: it was close."""

MOST_ABOVE = 5
MOST_BODY = 1000
"""Characters of a body that are shown."""


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The lines that show ``found`` (``review.explain.explanation``). What comes from files or from clients is made safe."""
    yield _one(found["canonical"]) or "the request has no canonical spelling"
    route, where = _one(found["route"]), _one(found["where"])
    yield f"route     {route}{f'  {where}' if where else ''}"
    for call in found["calls"] if len(found["calls"]) > 1 else ():
        yield f"  call    {_one(call['procedure'])}: {_one(call['route'])}"
    yield from _above(found["above"])
    yield "stages"
    width = max((len(_label(stage)) for stage in found["stages"]), default=0)
    for stage in found["stages"]:
        yield from _stage(stage, width)
    for one in found["forwarded"]:
        yield f"upstream  {_one(one['upstream'])} gets {_one(one['method'])} {_one(one['target'])}"
    if found["fallback"]:
        yield f"fallback  {_one(found['fallback'])}"
    detail = f": {_one(found['detail'])}" if found["detail"] else ""
    yield f"verdict   {_one(found['verdict'])}{detail}"
    yield from _response(found)
    for note in found["notes"]:
        yield f"note: {_one(note)}"


def _above(above: list[Mapping[str, Any]]) -> Iterator[str]:
    """Why not the routes above: those that were close, or the last few of them."""
    close = [one for one in above if one["part"] in _CLOSE]
    shown = (close or above)[-MOST_ABOVE:]
    for one in shown:
        yield f"  not     {_one(one['route'])} ({_one(one['part'])}: {_one(one['why'])})  {_one(one['where'])}"
    if len(above) > len(shown):
        yield f"  not     {len(above) - len(shown)} more above it"


def _label(stage: Mapping[str, Any]) -> str:
    return f"{_one(stage['stage'])} {_one(stage['policy'])}".strip()


def _stage(stage: Mapping[str, Any], width: int) -> Iterator[str]:
    verdict = stage["verdict"]
    mark = {PASS: " ", NOT_REACHED: "."}.get(verdict, "!")
    detail = f": {_one(stage['detail'])}" if stage["detail"] else ""
    where = "" if stage["where"] == "default" else f"  {_one(stage['where'])}"
    yield f"{mark} {_label(stage):{width}}  {_one(verdict)}{detail}{where}"
    if verdict in (PASS, NOT_REACHED):
        written = [_one(f"{each['name']} {each['value']}") for each in stage["settings"] if each["where"] != "default"]
        if written:
            yield f"      {clean(', '.join(written), 200)}"
        return
    if stage["named"]:
        yield f"      named in {_one(stage['named'])}"
    for setting in stage["settings"]:
        yield f"      {_one(setting['name'])}: {_one(setting['value'])}  ({_one(setting['where'])})"


def _response(found: Mapping[str, Any]) -> Iterator[str]:
    response = found["response"]
    if not response["status"]:
        yield "response  none: the connection is closed" if not found["status"] else f"response  {found['status']}"
        return
    yield f"response  {response['status']}"
    for name, value in response["headers"]:
        yield f"  {_one(name)}: {_one(value)}"
    if response["body"]:
        yield f"  {clean(response['body'], MOST_BODY)}"


def _one(text: object) -> str:
    return clean(str(text), 400)
