"""``gateway run --demo``: something behind the gateway, secrets for one run, and lines to try it with."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.demo.access_token import make_token
from gateway.demo.accounts import ADA_EMAIL, user_id
from gateway.demo.services import TOOLKIT_PORT, TUTOR_PORT, running_demo
from gateway.demo.tutor import DemoTutor
from gateway.process.listeners import Addresses

SECRETS = ("JWT_SECRET", "GATEWAY_OPS_TOKEN", "TOOLKIT_API_KEY")

_NOTHING = "%7B%22json%22:null,%22meta%22:%7B%22values%22:%5B%22undefined%22%5D%7D%7D"


@dataclass(frozen=True, slots=True)
class Quickstart:
    """A running demo backend. ``environment`` has what the gateway needs to know of it, secrets included."""

    environment: dict[str, str]
    toolkit: str
    tutor: DemoTutor

    def suggestions(self, addresses: Addresses) -> str:
        """Commands to try, ready to paste; the token in them is good for an hour. To be called once the gateway serves:
        from then on the demo tutor calls the toolkit through the egress listener."""
        self.tutor.toolkit = addresses.egress
        env, base = self.environment, addresses.gateway
        token, _ = make_token(env, user_id(ADA_EMAIL), "1h", "access", time.time())
        api = f"{base}/api/trpc"
        login = '-H "content-type: application/json" -d \'{"json":{"email":"ada@example.com","password":"nope"}}\''
        bearer = f'-H "authorization: Bearer {token}"'
        pair = login.replace('{"json"', '{"0":{"json"').replace("}}'", '}},"1":{"json":{}}}\'')
        ops = f'-H "authorization: Bearer {env["GATEWAY_OPS_TOKEN"]}"'
        fail = '-d \'{"mode": "fail", "for": 30}\''
        lines = (
            ("200  a public query", f'curl -i "{api}/lessons.getAll?input=%7B%22json%22:%7B%7D%7D"'),
            ("200  a protected one, with a token", f'curl -i "{api}/user.get?input={_NOTHING}" {bearer}'),
            ("401  the same without", f'curl -i "{api}/user.get?input={_NOTHING}"'),
            ("403  a website nobody knows", f'curl -i "{api}/lessons.getAll" -H "origin: https://evil.example"'),
            ("400  two sign-ins in one batch", f'curl -i "{api}/auth.login,auth.login?batch=1" {pair}'),
            ("403  a closed procedure", f'curl -i "{api}/auth.resetPassword" {login}'),
            (
                "429  too many sign-ins",
                f"for i in 1 2 3 4 5 6; do curl -s -w '\\n%{{http_code}}\\n' \"{api}/auth.login\" {login}; done",
            ),
            ("     health", f"curl {base}/health"),
            ("     the operators' health and metrics", f"curl {ops} {addresses.ops}/health {addresses.ops}/metrics"),
            ("     the backend's own way to the toolkit", f"curl {addresses.egress}/text/llm/ -d '{{}}'"),
            ("     make the toolkit fail for 30 s", f"curl {self.toolkit}/__control/mode {fail}"),
        )
        commands = "\n".join(f"\n  {what}\n    {line}" for what, line in lines)
        return f"\nWhat to try, in another terminal:\n{commands}\n\nCtrl-C stops everything.\n"


@asynccontextmanager
async def running_quickstart(env: Mapping[str, str]) -> AsyncIterator[Quickstart]:
    """The demo backend inside this process while the block runs, so that it leaves nothing behind.

    Secrets that ``env`` lacks are made up for this run. Raises ValueError for a bad secret, OSError for a port.
    """
    made = {name: env.get(name) or secrets.token_urlsafe(32) for name in SECRETS}
    made["JWT_SECRET_OLD"] = env.get("JWT_SECRET_OLD", "")
    async with running_demo(made, _free(TUTOR_PORT), _free(TOOLKIT_PORT)) as (tutor, toolkit):
        urls = {"TUTOR_URL": tutor.url, "TOOLKIT_URL": toolkit.url, "STT_URL": toolkit.url}
        # The demo is for this machine only: its token is on the screen.
        yield Quickstart({"GATEWAY_HOST": "127.0.0.1", **made, **urls}, toolkit.url, tutor)


def _free(port: int) -> int:
    """``port``, or 0 for any free one when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port
