"""What the kernel knows of the bytes that are on their way to a client, and its bounds for them (tcp(7) of Linux).

A transport knows only of what the kernel did not take from it. How much of the rest has reached the client is known by its
acknowledgements alone, and under TLS a transport does not show what waits below it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import termios
from typing import NamedTuple

UNSENT_MOST = 64 * 1024
"""Bytes of one connection that the kernel holds before they are sent. It would take megabytes from a transport, where
nobody sees that they wait."""

UNREAD_MOST = 64 * 1024
"""Bytes that are read of a connection which has failed: a response that refuses something is smaller."""

_NOTSENT_LOWAT = 25  # TCP_NOTSENT_LOWAT of linux/tcp.h, which the socket module does not name
_UNACKED, _ACKED, _NOTSENT = struct.Struct("=I"), struct.Struct("=Q"), struct.Struct("=I")
_CLOSED = 7  # TCP_CLOSE of net/tcp_states.h, the first byte of struct tcp_info
_AT_UNACKED, _AT_ACKED, _AT_NOTSENT = 24, 120, 144  # of struct tcp_info
_INSTRUCTION, _PROGRAM = struct.Struct("=HBBI"), struct.Struct("@HP")  # struct sock_filter, struct sock_fprog
_SO_ATTACH_FILTER = 26  # of asm-generic/socket.h, which the socket module does not name
_FLAGS, _SYN, _SYN_ACK = 13, 0x02, 0x12  # where the flags of a segment are, and two of them (RFC 9293 3.1)
_DROP_SYN = b"".join(
    _INSTRUCTION.pack(*instruction)
    for instruction in (
        (0x30, 0, 0, _FLAGS),  # load the byte
        (0x54, 0, 0, _SYN_ACK),  # and
        (0x15, 0, 1, _SYN),  # skip the next one unless equal
        (0x06, 0, 0, 0),  # return no byte of the segment
        (0x06, 0, 0, 0xFFFFFFFF),  # return all of it
    )
)
_INT = struct.Struct("@i")
_SIZE = _AT_NOTSENT + _NOTSENT.size


class SendState(NamedTuple):
    """``taken`` bytes were acknowledged by the client's kernel since the connection was made, ``unsent`` wait in this one's.
    ``waiting``: something was not acknowledged, be it the end of the stream."""

    taken: int
    unsent: int
    waiting: bool


def send_state(sock: socket.socket) -> SendState | None:
    """The state of a connection; None where the kernel does not tell."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE)
    except (OSError, AttributeError):  # a socket that is closed or not of TCP, another system
        return None
    if len(info) < _SIZE:
        return None
    (unsent,) = _NOTSENT.unpack_from(info, _AT_NOTSENT)
    (unacked,) = _UNACKED.unpack_from(info, _AT_UNACKED)
    return SendState(_ACKED.unpack_from(info, _AT_ACKED)[0], unsent, bool(unsent or unacked))


def has_unread(sock: socket.socket) -> bool:
    """Whether bytes of the client are here that nobody has read."""
    try:
        return bool(_INT.unpack(fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(_INT.size)))[0])
    except (OSError, ValueError):  # a socket that is closed
        return False


def end_writing(sock: socket.socket) -> None:
    """Send the end of the stream at once, behind nothing that waits in a transport. uvloop does so in its next iteration only,
    in which it may read a request that nobody can respond to any more."""
    with contextlib.suppress(OSError, ValueError), socket.socket(fileno=os.dup(sock.fileno())) as copy:
        copy.shutdown(socket.SHUT_WR)


def is_reset(sock: socket.socket | None) -> bool:
    """Whether the other side has reset a connection that was not closed here. False where the kernel does not tell."""
    try:
        return sock is not None and sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _CLOSED
    except (OSError, AttributeError):  # a socket that is closed or not of TCP, another system
        return False


def bound_sending(listening: socket.socket, seconds: float) -> None:
    """Bound what the kernel holds for each connection accepted on ``listening`` from now on, and for how long without an
    acknowledgement (RFC 5482), also once the connection is closed here."""
    with contextlib.suppress(OSError, AttributeError):  # another system
        listening.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, UNSENT_MOST)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))


def unread(transport: asyncio.Transport) -> bytes:
    """What has arrived on ``transport`` and was not read before it failed, at most ``UNREAD_MOST`` bytes. Linux keeps it
    although the other side has reset the connection since. Nothing under TLS, where it could not be read by itself."""
    raw = transport.get_extra_info("socket")
    if raw is None or transport.get_extra_info("sslcontext") is not None:
        return b""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(raw.fileno())) as copy:
        copy.setblocking(False)
        return copy.recv(UNREAD_MOST)
    return b""


def begin_no_handshakes(listening: socket.socket) -> None:
    """Have the kernel drop the first segment of handshakes to come on ``listening``, in all processes that have it.

    A socket that is closed resets the connections that wait in it, and those whose handshake is half done; their clients may
    have sent a request. One whose first segment is dropped has nothing to lose: it tries again, and is refused or reaches
    another gateway. The filter is classic BPF, for which no process needs a capability.
    """
    program = ctypes.create_string_buffer(_DROP_SYN)
    with contextlib.suppress(OSError):  # another system: what arrives between the last look and the end is reset
        filter_ = _PROGRAM.pack(len(_DROP_SYN) // _INSTRUCTION.size, ctypes.addressof(program))
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_)
