"""What a client is sent: in which order, how slowly it may take it, and how it sees that something was cut off."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.proxy.server.output import ClientOutput
from gateway.proxy.wire.write_batch import WriteBatch


class Paused:
    """Counts how often a client began to take less."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


async def connected() -> tuple[ClientOutput, Paused, asyncio.StreamReader, asyncio.StreamWriter]:
    """An output on a real connection, and its client."""
    loop = asyncio.get_running_loop()
    paused = Paused()
    accepted = loop.create_future()

    def made() -> ClientOutput:
        output = ClientOutput(loop, WriteBatch(loop), paused)
        accepted.set_result(output)
        return output

    server = await loop.create_server(made, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    server.close()
    output = await accepted
    while output.transport is None:
        await asyncio.sleep(0)
    return output, paused, reader, writer


async def test_what_is_written_at_once_stays_behind_what_waits_for_the_end_of_the_iteration():
    output, _, reader, writer = await connected()
    output.send(b"first ", False)
    output.write(b"second ")
    output.send(b"third", True)
    assert await reader.readexactly(18) == b"first second third"
    writer.close()


async def test_nothing_is_sent_to_a_client_that_has_left():
    output, _, _, writer = await connected()
    assert not output.closing and not output.secure
    output.reset()
    assert output.closing
    for sending in (lambda: output.write(b"late"), lambda: output.send(b"late", True)):
        with pytest.raises(ConnectionResetError):
            sending()
    writer.close()


async def test_who_waits_for_a_slow_client_goes_on_when_it_takes_more():
    output, paused, _, writer = await connected()
    await output.drain()
    output.pause_writing()
    output.pause_writing()
    assert output.writing_paused and paused.times == 1
    waiting = asyncio.ensure_future(output.drain())
    await asyncio.sleep(0)
    assert not waiting.done()
    output.resume_writing()
    await waiting
    assert not output.writing_paused
    output.reset()
    writer.close()


async def test_a_client_sees_by_a_reset_that_something_was_cut_off():
    output, _, reader, writer = await connected()
    assert output.transport is not None
    assert output.transport.get_extra_info("socket").family == socket.AF_INET
    output.reset()
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
