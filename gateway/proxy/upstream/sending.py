"""Sending the content of a call on while it arrives: until all of it is sent, or nobody wants more.

A response may begin before that: a backend that answers piece by piece, or one that refuses and goes on reading. Content is
sent on until the response is complete; then the connection ends with it (RFC 9112 9.3, 9.5).
"""

from __future__ import annotations

from time import monotonic

from gateway.core.exchange import Exchange
from gateway.core.failure import CallFailure
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.errors import ContentRefused, UpstreamError
from gateway.proxy.pool.phase import HEAD
from gateway.proxy.pool.pool import Pool
from gateway.proxy.upstream.upload import Upload

_STOOD_STILL = (CallFailure.TIMEOUT, CallFailure.STALLED)


def send_content(exchange: Exchange, connection: UpstreamConnection, upload: Upload, pool: Pool) -> None:
    """Send ``upload`` on ``connection`` from now on, beside the response. The connection ends that when it ends.

    Where the client does not send it as it should, the call ends with ContentRefused.
    """
    connection.content = pool.loop.create_task(_send(exchange, connection, upload, pool))


def note_end(connection: UpstreamConnection, upload: Upload) -> None:
    """Note in ``upload`` that its call has a response, has failed or is over."""
    error = connection.error
    upload.end(isinstance(error, UpstreamError) and error.kind in _STOOD_STILL)


async def _send(exchange: Exchange, connection: UpstreamConnection, upload: Upload, pool: Pool) -> None:
    try:
        refusal = await _send_pieces(exchange, connection, upload, pool)
    except Exception as error:  # nobody expected it, and the call must not wait for what will not come
        refusal = refuse("internal_error", type(error).__name__, close=True)
        pool.loop.call_exception_handler({"message": "content could not be sent", "exception": error})
    finally:
        note_end(connection, upload)
    if refusal is not None:
        connection.break_off(ContentRefused(refusal))


async def _send_pieces(
    exchange: Exchange, connection: UpstreamConnection, upload: Upload, pool: Pool
) -> Refusal | None:
    """A refusal when the client does not send its content as it should."""
    chunked = upload.length is None
    while True:
        connection.awaiting_content = True  # the client's own clock runs in ``Upload``
        piece = await upload.read()
        connection.awaiting_content = False
        if isinstance(piece, Refusal):
            return piece
        exchange.bytes_in += len(piece)
        exchange.sent = monotonic()  # a client that uploads slowly does not make the upstream slow
        connection.deadline = pool.loop.time() + pool.response_timeout if connection.phase is HEAD else 0.0
        if not piece:
            if chunked:
                await connection.write(b"0\r\n\r\n")
            connection.sending = False
            connection.content = None
            return None
        if not await connection.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece):
            return None
