"""Check of the files that the address of a Redis names: a run that cannot use them would go on without it."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from gateway.config.model import State
from gateway.config.problem import Location
from gateway.state.redis.address import file_passphrase, files_of


def check(state: State, location: Location) -> None:
    """Reports files of ``state.redis`` that cannot be read or used. Their names start at the working directory."""
    url = state.redis.reveal() if state.redis is not None else ""
    for option, name in files_of(url).items() if url else ():
        if not Path(name).is_file() or not os.access(name, os.R_OK):
            sentence = f"names a file after {option} that cannot be read"
            location.add(("redis",), sentence, "relative names start at the folder in which the gateway is started")
            return
    problem = _unusable(files_of(url), file_passphrase(url)) if url else None
    if problem:
        location.add(("redis",), *problem)


def _unusable(files: dict[str, str], passphrase: str) -> tuple[str, str] | None:
    """What OpenSSL would refuse of the files, and a hint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if "ssl_ca_certs" in files:
        try:
            context.load_verify_locations(files["ssl_ca_certs"])
        except OSError:
            return (
                "names a file after ssl_ca_certs that holds no certificate in PEM",
                "name the authority's certificate",
            )
    if "ssl_certfile" not in files and "ssl_keyfile" not in files:
        return None
    if "ssl_certfile" not in files or "ssl_keyfile" not in files:
        return "names one of ssl_certfile and ssl_keyfile", "name both: the certificate and its key"
    try:
        # With a text in place of None, OpenSSL asks nobody for a passphrase.
        context.load_cert_chain(files["ssl_certfile"], files["ssl_keyfile"], passphrase)
    except OSError:
        text = Path(files["ssl_keyfile"]).read_bytes()
        if b"ENCRYPTED" in text:
            return "names a key that its passphrase does not open", "write it after ssl_password, or take it away"
        return "names a certificate and a key that are no pair of PEM files", "name the key of that certificate"
    return None
