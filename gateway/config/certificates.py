"""Certificate and key of the public listener as bytes: read and judged with the configuration, handed to the workers.

A worker that replaces another needs no file for them, so one that was broken since cannot prevent it. What is wrong with
them is said in the same words by ``gateway check``, at the start and at a reload.
"""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from gateway.config.listen_settings import Tls
from gateway.core.pem import Block, blocks
from gateway.core.secret import Secret
from gateway.core.x509 import Certificate, certificate

MOST_BYTES = 1024 * 1024
"""Of one file. A chain has a few certificates of some 2 KB; a path that leads to a device would fill the memory."""

SOON = 30
"""Days before its end from which on a certificate is worth a warning: those of ACME are renewed 30 days before."""

_DAY = 86400.0
_SEQUENCE = 0x30  # the tag that DER begins with
_PKCS12 = b"\x02\x01\x03"  # the version that a PKCS #12 file begins with (RFC 7292), behind the header of its sequence


class CertificateError(ssl.SSLError):
    """A file of ``listen.tls`` cannot be used. ``file`` is ``cert`` or ``key``, ``hint`` what to do."""

    def __init__(self, file: str, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.file = file
        self.sentence = sentence
        self.hint = hint

    def __str__(self) -> str:
        return f"listen.tls.{self.file} {self.sentence}"


@dataclass(frozen=True, slots=True)
class Certificates:
    """A certificate chain and its key, PEM. Bytes stand for themselves in ``key`` (latin-1)."""

    chain: bytes
    key: Secret


def read_certificates(tls: Tls | None) -> Certificates | None:
    """The files of ``tls``, which are a pair. Raises CertificateError for files that cannot be used."""
    if tls is None:
        return None
    chain, key = (_read(name, path) for name, path in (("cert", tls.cert), ("key", tls.key)))
    in_chain, in_key = (blocks(data.decode("latin-1").removeprefix("ï»¿")) for data in (chain, key))
    shown = [block for block in in_chain if block.label.endswith("CERTIFICATE")]
    private = [block for block in in_key if block.is_private]
    if not shown and not private and any(block.is_private for block in in_chain) and in_key:
        raise CertificateError("cert", "holds a key, and listen.tls.key a certificate", "swap the two names")
    if not shown:
        raise CertificateError("cert", *_no_certificate(chain, in_chain, tls.cert))
    if not private:
        raise CertificateError("key", *_no_key(key, in_key, tls.key))
    if private[0].label.startswith("ENCRYPTED") or "ENCRYPTED" in private[0].text.partition("\n\n")[0]:
        sentence = "has a passphrase, which nobody can type when a worker is replaced"
        raise CertificateError("key", sentence, f"take it away: openssl pkey -in {tls.key.name} -out plain.pem")
    read = Certificates("".join(block.text for block in shown).encode("latin-1"), Secret(private[0].text))
    _check_pair(read, shown)
    return read


def _no_certificate(data: bytes, found: list[Block], path: Path) -> tuple[str, str]:
    if found:
        return f"holds a {found[0].label.lower()} and no certificate", "name the chain that the authority has issued"
    return _no_pem(data, "certificate", f"openssl x509 -inform der -in {path.name} -out chain.pem")


def _no_key(data: bytes, found: list[Block], path: Path) -> tuple[str, str]:
    if found:
        return f"holds a {found[0].label.lower()} and no private key", "name the file of the private key"
    return _no_pem(data, "private key", f"openssl pkey -inform der -in {path.name} -out key.pem")


def _no_pem(data: bytes, what: str, conversion: str) -> tuple[str, str]:
    """What a file without any PEM holds, and how to make PEM of it."""
    if not data.strip():
        return "is empty", f"name a file with the {what}"
    if data[0] == _SEQUENCE and _is_whole(data):
        if _PKCS12 in data[:8]:
            return "is PKCS #12 and not PEM", "convert it: openssl pkcs12 -nodes -in FILE"
        return "is DER and not PEM", f"convert it: {conversion}"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "is UTF-16 and not PEM", "save it as ASCII"
    sentence = "is cut off" if b"-----BEGIN" in data else f"holds no {what}"
    return sentence, f"PEM has lines from -----BEGIN to -----END around the {what}"


def _check_pair(read: Certificates, shown: list[Block]) -> None:
    """Raises CertificateError where OpenSSL does not take the pair, and says which part is to blame."""
    try:
        tls_context(read)
        return
    except OSError as error:
        reason = str(getattr(error, "reason", "") or "")
    if not _is_key(read.key):
        raise CertificateError("key", "holds a key that cannot be read", "copy it anew")
    for number, block in enumerate(shown):
        try:
            certificate(block.der)
        except (ValueError, IndexError):
            sentence = f"holds a certificate that cannot be read, as number {number + 1}"
            raise CertificateError("cert", sentence, "copy it anew") from None
    if reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"):
        for number, block in enumerate(shown[1:], 2):
            if _fits(block, read.key):
                sentence = f"is in another order: the key fits certificate {number} in it"
                raise CertificateError("cert", sentence, "put that first, and behind each the one that has issued it")
        raise CertificateError("key", "does not fit the certificate", "name the key with which it was asked for")
    raise CertificateError("cert", f"cannot be used: {reason.lower().replace('_', ' ') or 'OpenSSL refuses it'}")


def _is_key(key: Secret) -> bool:
    """Whether ``key`` can be read at all. OpenSSL says of a foreign certificate beside it that the two do not fit."""
    block = blocks(key.reveal())[0]
    return block.der[:1] == bytes([_SEQUENCE]) and _is_whole(block.der)


def _is_whole(der: bytes) -> bool:
    """Whether ``der`` is as long as its first element says."""
    length, at = der[1] if len(der) > 1 else 0, 2
    if length >= 0x80:
        length, at = int.from_bytes(der[2 : 2 + length - 0x80], "big"), 2 + length - 0x80
    return len(der) == at + length


def _fits(block: Block, key: Secret) -> bool:
    try:
        tls_context(Certificates(block.text.encode("latin-1"), key))
    except OSError:
        return False
    return True


def remarks(read: Certificates, now: float) -> Iterator[tuple[str, str]]:
    """Sentence and hint for what clients may stumble over: a certificate that is over or soon will be, and a chain in
    another order. ``now`` is in Unix seconds."""
    chain = [certificate(block.der) for block in blocks(read.chain.decode("latin-1"))]
    for number, one in enumerate(chain, 1):
        which = "the certificate" if len(chain) == 1 else f"certificate {number} of the chain"
        when = _when(one, now)
        if when:
            yield f"{which} {when}", "have it renewed, and reload"
    for number, (one, issuer) in enumerate(pairwise(chain), 2):
        if one.issuer != issuer.subject:
            yield (
                f"certificate {number} of the chain has not issued the one before it, so clients may not verify it",
                "put behind each certificate the one that has issued it",
            )


def _when(one: Certificate, now: float) -> str:
    if now < one.not_before:
        return f"is not valid yet, for {_days(one.not_before - now)}"
    if now >= one.not_after:
        return f"expired {_days(now - one.not_after)} ago"
    return f"expires in {_days(one.not_after - now)}" if one.not_after - now < SOON * _DAY else ""


def _days(seconds: float) -> str:
    days = int(seconds // _DAY)
    return "less than a day" if days < 1 else "1 day" if days == 1 else f"{days} days"


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


def _read(name: str, path: Path) -> bytes:
    try:
        # Opening a pipe would wait for somebody who writes to it.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CertificateError(name, "names no file", "name the file itself")
            data = file.read(MOST_BYTES + 1)
    except CertificateError:
        raise
    except OSError as error:
        hint = "relative names start at the entry file's folder"
        if isinstance(error, PermissionError):
            hint = "let the user that the gateway runs as read it"
        raise CertificateError(name, "names a file that cannot be read", hint) from error
    if len(data) > MOST_BYTES:
        raise CertificateError(name, f"is larger than {MOST_BYTES // 1024} KiB: no certificate is")
    return data
