"""Two gateways of two workers each on one Redis: whole processes, and a limit that holds over all of them."""

import asyncio
import os
import re
import resource
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession

from tests.eventually import eventually
from tests.gateway_run import JWT_SECRET, OPS_TOKEN, Run
from tests.state.redis_fixture import Server, server

pytestmark = pytest.mark.slow

LIMIT = 300
REQUESTS = 10_000
AT_ONCE = 10_000  # requests, each on its own connection, as far as the system lets a process have so many

# A denied route answers 403 by itself once its limits are taken, so nothing stands behind these gateways.
ENTRY = f"""\
version: 1
listen: {{host: 127.0.0.1, port: 0, workers: 2, limits: {{header_timeout: 60s}}}}
ops: {{host: 127.0.0.1, port: 0, token: "${{GATEWAY_OPS_TOKEN}}"}}
state: {{path: state, redis: "REDIS", key: "${{GATEWAY_STATE_KEY}}"}}
upstreams: {{none: {{endpoints: [{{url: "http://127.0.0.1:1"}}]}}}}
routes:
  - {{name: counted, paths: [/counted], methods: [GET], deny: "only counted", rate_limits: [fleet]}}
  - {{name: open, paths: [/open], methods: [GET], upstream: none, auth: public}}
rate_limits:
  fleet: {{limit: {LIMIT}/hour, key: [address]}}
"""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Server]:
    with server(tmp_path / "redis") as one:
        yield one


@pytest.fixture
async def gateways(tmp_path: Path, redis: Server, request: pytest.FixtureRequest) -> AsyncIterator[list[Run]]:
    made = []
    env = {**os.environ, "JWT_SECRET": JWT_SECRET, "GATEWAY_OPS_TOKEN": OPS_TOKEN, "GATEWAY_STATE_KEY": "k" * 40}
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "upstreams.yaml").write_text(ENTRY.replace("REDIS", redis.url + request.param))
        run = Run(folder, env)
        made.append(run)
        await run.start()
    for run in made:
        await run.serving()
    yield made
    for run in made:
        await run.stop()


def connections() -> int:
    """How many each of the two gateways gets."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return min(AT_ONCE, most - 1000) // 2


async def statuses(run: Run, requests: int, connections: int) -> list[bytes]:
    """The statuses of ``requests`` over connections that all ask at once."""
    at = urlsplit(run.url)

    together, waiting = asyncio.Event(), asyncio.Semaphore(connections)

    async def ask(count: int) -> list[bytes]:
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        await waiting.acquire()
        if waiting.locked():
            together.set()
        await together.wait()
        found = []
        for _ in range(count):
            writer.write(b"GET /counted HTTP/1.1\r\nhost: x\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            found.append(head[9:12])
        writer.close()
        await writer.wait_closed()
        return found

    share, more = divmod(requests, connections)
    parts = await asyncio.gather(*(ask(share + (number < more)) for number in range(connections)))
    return [status for part in parts for status in part]


async def state_of(run: Run) -> dict[str, object]:
    async with (
        ClientSession() as session,
        session.get(f"{run.ops}/health", headers={"authorization": f"Bearer {OPS_TOKEN}"}) as response,
    ):
        return dict((await response.json())["state"])


async def gauge(run: Run) -> float:
    async with (
        ClientSession() as session,
        session.get(f"{run.ops}/metrics", headers={"authorization": f"Bearer {OPS_TOKEN}"}) as response,
    ):
        found = re.search(r"^gateway_state_ok (\S+)", await response.text(), re.M)
        return float(found[1]) if found else -1.0


@pytest.mark.parametrize("gateways", [""], indirect=True)
async def test_no_more_gets_through_than_the_limit_says(gateways: list[Run]) -> None:
    many, begun = connections(), asyncio.get_running_loop().time()
    assert [(await state_of(run))["ok"] for run in gateways] == [True, True]
    parts = await asyncio.gather(*(statuses(run, REQUESTS // 2, many) for run in gateways))
    seen = [status for part in parts for status in part]
    assert len(seen) == REQUESTS
    assert set(seen) == {b"403", b"429"}
    # One unit comes back in twelve seconds.
    lasted = asyncio.get_running_loop().time() - begun
    assert LIMIT <= seen.count(b"403") <= LIMIT + 1 + lasted / (3600 / LIMIT)
    assert [run.events("state_away") for run in gateways] == [[], []]


@pytest.mark.parametrize("gateways", [""], indirect=True)
async def test_requests_go_on_without_redis_and_operators_see_it(gateways: list[Run], redis: Server) -> None:
    run = gateways[0]
    redis.signal(signal.SIGSTOP)
    assert set(await statuses(run, 25, 25)) == {b"403"}

    async def away() -> bool:
        return not (await state_of(run))["ok"] and await gauge(run) == 0.0

    async def back() -> bool:
        return bool((await state_of(run))["ok"]) and await gauge(run) == 1.0

    await eventually(away)
    seen = await state_of(run)
    assert seen["store"] == "redis"
    assert isinstance(seen["since"], str)
    assert (await run.event("state_away"))["error"] == "no answer in time"
    redis.signal(signal.SIGCONT)
    await eventually(back)
    assert await run.event("state_back")
