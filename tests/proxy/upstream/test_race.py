"""Two attempts side by side; over real sockets in test_hedge."""

from __future__ import annotations

import asyncio

from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.upstream.race import race


class Aborted:
    """A transport that only remembers that it was aborted."""

    aborted = False

    def abort(self) -> None:
        self.aborted = True


async def test_of_two_responses_in_the_same_moment_one_is_closed():
    loop = asyncio.get_running_loop()
    together = asyncio.Event()
    made: list[UpstreamConnection] = []

    async def attempt() -> UpstreamConnection:
        response = UpstreamConnection(None, loop)
        response.transport, response.status = Aborted(), 200
        made.append(response)
        if len(made) == 2:
            together.set()
        await together.wait()
        return response

    winner, second = await race(attempt, 0.001, lambda: True)
    response = winner.result()
    assert response in made
    assert second is (response is made[1])
    assert [each.transport.aborted for each in made] == [each is not response for each in made]
