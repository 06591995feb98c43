"""Which exceptions say that the gateway itself has run out of something, and which do not."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl

import pytest

from gateway.core.shortage import Shortage, shortage_in, shortage_of
from tests.processor_time import takes_at_most


def of(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def several(*numbers: int) -> OSError:
    """What asyncio and uvloop make of the failures of several addresses."""
    return OSError("Multiple exceptions: " + ", ".join(str(of(number)) for number in numbers))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (of(errno.EMFILE), Shortage.DESCRIPTORS),
        (of(errno.ENFILE), Shortage.DESCRIPTORS),
        (of(errno.ENOBUFS), Shortage.MEMORY),
        (of(errno.ENOMEM), Shortage.MEMORY),
        (of(errno.EADDRNOTAVAIL), Shortage.PORTS),
        (of(errno.ENOSPC), Shortage.DISK),
        (of(errno.EDQUOT), Shortage.DISK),
        (MemoryError(), Shortage.MEMORY),
        (RuntimeError("can't start new thread"), Shortage.THREADS),
        (ssl.SSLError(1, "[SSL: MALLOC_FAILURE] malloc failure"), None),  # without a reason: OpenSSL's text is not read
        (socket.gaierror(socket.EAI_MEMORY, "Memory allocation failure"), Shortage.MEMORY),
        (several(errno.ECONNREFUSED, errno.EMFILE), Shortage.DESCRIPTORS),
        (several(errno.EADDRNOTAVAIL, errno.EADDRNOTAVAIL), Shortage.PORTS),
        (ExceptionGroup("two", [of(errno.ECONNREFUSED), of(errno.ENFILE)]), Shortage.DESCRIPTORS),
        (several(errno.EADDRNOTAVAIL, errno.ECONNREFUSED), None),  # ::1 without IPv6, and 127.0.0.1 that refuses
        (several(errno.ECONNREFUSED, errno.ETIMEDOUT), None),
        (of(errno.ECONNREFUSED), None),
        (of(errno.ETIMEDOUT), None),
        (of(errno.EHOSTUNREACH), None),
        (of(errno.ENETUNREACH), None),
        (of(errno.ECONNRESET), None),
        (of(errno.EROFS), None),
        (TimeoutError(), None),
        (RuntimeError("Event loop is closed"), None),
        (ValueError("[Errno 24] in a text of somebody else"), None),
        # OpenSSL's and the resolver's numbers are not the system's.
        (ssl.SSLError(errno.ENOMEM, "wants a callback"), None),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), None),
    ],
    ids=repr,
)
def test_what_an_exception_comes_from(error: BaseException, kind: Shortage | None) -> None:
    assert shortage_of(error) is kind
    behind = ConnectionError("a library's own")
    behind.__cause__ = error
    assert shortage_of(behind) is kind


def test_openssl_out_of_memory() -> None:
    error = ssl.SSLError(1, "malloc failure")
    error.reason = "MALLOC_FAILURE"
    assert shortage_of(error) is Shortage.MEMORY


async def test_what_asyncio_raises_for_several_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    async def two(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{host}", 9)) for host in (1, 2)]

    def no_socket(**_: object) -> socket.socket:
        raise of(errno.EMFILE)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two)
    monkeypatch.setattr(socket, "socket", no_socket)
    with pytest.raises(OSError) as caught:
        await asyncio.get_running_loop().create_connection(asyncio.Protocol, "two.example", 9)
    assert shortage_of(caught.value) is Shortage.DESCRIPTORS


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ConnectionError: Error 24 connecting to 127.0.0.1:6379. Too many open files.", Shortage.DESCRIPTORS),
        ("OSError: [Errno 28] No space left on device", Shortage.DISK),
        ("ConnectionError: Error 111 connecting to 127.0.0.1:6379.", None),
        ("mdb_txn_commit: No space left on device", Shortage.DISK),
        ("mdb_txn_begin: MDB_READERS_FULL: Environment maxreaders limit reached", None),
        ("no answer in time", None),
        ("port 24 closed", None),
    ],
)
def test_numbers_in_a_text(text: str, kind: Shortage | None) -> None:
    assert shortage_in(text) is kind


def test_a_loop_of_causes_and_an_endless_text_end() -> None:
    one, two = ConnectionError(), ConnectionError()
    one.__cause__, two.__cause__ = two, one
    assert shortage_of(one) is None
    assert shortage_in("Errno " * 1_000_000) is None
    assert takes_at_most(0.02, lambda: (shortage_of(one), shortage_in("Errno " * 1_000_000)))
