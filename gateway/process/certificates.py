"""Certificate and key of the public listener as bytes: read and checked by the supervisor, handed to its workers.

A worker that replaces another needs no file for them, so one that was broken since cannot prevent it.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.config.model import Tls
from gateway.core.secret import Secret

MOST_BYTES = 1024 * 1024
"""Of one file. A chain has a few certificates of some 2 KB; a path that leads to a device would fill the memory."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """A certificate chain and its key, PEM. Bytes stand for themselves in ``key`` (latin-1)."""

    chain: bytes
    key: Secret


def read_certificates(tls: Tls | None) -> Certificates | None:
    """The files of ``tls``, which are a pair. Raises OSError (ssl.SSLError is one) for files that cannot be used."""
    if tls is None:
        return None
    read = Certificates(_read(tls.cert), Secret(_read(tls.key).decode("latin-1")))
    tls_context(read)
    return read


def tls_context(certificates: Certificates | None) -> ssl.SSLContext | None:
    """The server's TLS. Raises OSError for certificates that cannot be used."""
    if certificates is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    use(context, certificates)
    return context


def use(context: ssl.SSLContext, certificates: Certificates) -> None:
    """Have ``context`` show ``certificates`` in the handshakes to come. Raises OSError for those that cannot be used."""
    with _in_memory(certificates.chain) as chain, _in_memory(certificates.key.reveal().encode("latin-1")) as key:
        context.load_cert_chain(chain, key, _refuse_passphrase)


@contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    """A path to ``data``, which is on no disk: OpenSSL's functions for chains take nothing but paths (memfd_create(2))."""
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        yield f"/proc/self/fd/{descriptor}"


def _refuse_passphrase() -> str:
    # Without this OpenSSL asks on the terminal, and the run waits there.
    raise ssl.SSLError("the key has a passphrase, which nobody can type when a worker is replaced")


def _read(path: os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ssl.SSLError(f"{os.fspath(path)} is larger than {MOST_BYTES // 1024} KiB: no certificate is")
    return data
