"""What of a response goes to the client, and how it ends when it cannot be whole."""

from __future__ import annotations

import pytest

from gateway.proxy.flow.writer import ResponseWriter


class Wire:
    """A client's connection that notes what it is sent."""

    def __init__(self) -> None:
        self.sent = b""
        self.ended = False

    def write(self, data: bytes) -> None:
        self.sent += data

    async def drain(self) -> None:
        """It takes all at once."""

    def reset(self) -> None:
        self.ended = True


@pytest.mark.parametrize(
    ("status", "http10", "fields", "sent"),
    [
        (103, False, [(b"Link", b"</a>"), (b"Set-Cookie", b"a=b")], b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
        (103, False, [(b"Set-Cookie", b"a=b")], b""),
        (103, True, [(b"Link", b"</a>")], b""),  # HTTP/1.0 knows no informational responses (RFC 9110 15.2)
        (102, False, [(b"Link", b"</a>")], b""),
    ],
)
def test_of_informational_responses_only_the_links_of_103_pass(
    status: int, http10: bool, fields: list[tuple[bytes, bytes]], sent: bytes
) -> None:
    wire = Wire()
    ResponseWriter(wire, http10, True).send_informational(status, fields)
    assert wire.sent == sent


def test_a_response_that_is_cut_ends_its_connection() -> None:
    wire = Wire()
    writer = ResponseWriter(wire, False, True)
    writer.cut()
    assert wire.ended and not writer.keep_alive
