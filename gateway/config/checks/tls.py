"""Check of the certificate and the key of the public listener: what a run reads is read here, and judged in its words."""

from __future__ import annotations

import time

from gateway.config.certificates import CertificateError, read_certificates, remarks
from gateway.config.listen_settings import Tls
from gateway.config.problem import Location


def check(tls: Tls | None, location: Location, now: float | None = None) -> None:
    """Reports files that no run can use. Warns of certificates that are over or soon will be, and of a chain in another
    order. ``now`` is in Unix seconds."""
    try:
        read = read_certificates(tls)
    except CertificateError as error:
        location.add(("tls", error.file), error.sentence, error.hint)
        return
    if read is not None:
        for sentence, hint in remarks(read, time.time() if now is None else now):
            location.warn(("tls", "cert"), sentence, hint)
