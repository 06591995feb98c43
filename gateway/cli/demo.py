"""``gateway demo``: a small tutor backend and its toolkit, to have something behind the gateway."""

from __future__ import annotations

import asyncio
import json as jsonlib
import os
import signal
from typing import Annotated

import typer

from gateway.demo.accounts import ADA_EMAIL, ADA_PASSWORD
from gateway.demo.services import TOOLKIT_PORT, TUTOR_PORT, running_demo
from gateway.demo.toolkit import MODES, DemoToolkit
from gateway.demo.tutor import DemoTutor


async def _until_stopped(tutor_port: int, toolkit_port: int, json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running_demo(os.environ, tutor_port, toolkit_port) as (tutor, toolkit):
        typer.echo(jsonlib.dumps({"tutor": tutor.url, "toolkit": toolkit.url}) if json else _greeting(tutor, toolkit))
        await stop.wait()
    if not json:
        typer.echo("Demo stopped.")


def _greeting(tutor: DemoTutor, toolkit: DemoToolkit) -> str:
    return "\n".join(
        (
            f"Demo tutor    {tutor.url}   user {ADA_EMAIL}, password {ADA_PASSWORD}",
            f"              what ran: curl {tutor.url}/__control/counts",
            f"Demo toolkit  {toolkit.url}   modes {', '.join(MODES)}",
            f'              make it ill: curl {toolkit.url}/__control/mode -d \'{{"mode": "fail", "for": 30}}\'',
            "Ctrl-C stops both.",
        )
    )


def demo(
    tutor_port: Annotated[int, typer.Option(help="Port of the tutor on 127.0.0.1; 0 picks a free one.")] = TUTOR_PORT,
    toolkit_port: Annotated[int, typer.Option(help="Port of the toolkit; 0 picks a free one.")] = TOOLKIT_PORT,
    json: Annotated[bool, typer.Option("--json", help="Print the two addresses as one line of JSON.")] = False,
) -> None:
    """Run a demo tutor backend and a demo toolkit until Ctrl-C.

    JWT_SECRET signs the tutor's tokens, and those of JWT_SECRET_OLD are good as well; TOOLKIT_API_KEY, when set, is the only key the toolkit takes. The tutor asks the
    service at EXPO_PUBLIC_TOOLKIT_URL for its chat answers; without it they are made up.
    """
    try:
        asyncio.run(_until_stopped(tutor_port, toolkit_port, json))
    except (ValueError, OSError) as error:
        typer.echo(f"gateway demo: {error}", err=True)
        raise typer.Exit(2) from None
