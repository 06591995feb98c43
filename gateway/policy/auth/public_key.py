"""The public key of a token's issuer as people hand it over: PEM in any of its shapes, and what is no public key by name."""

from __future__ import annotations

from gateway.core.pem import blocks
from gateway.policy.base.settings import Advice


def public_key(text: str) -> str:
    """``text`` as PEM with line ends, without what is around the key; other forms, such as that of OpenSSH, as they are.

    Raises Advice for a private key, which the gateway must never have, a certificate, and PEM that is cut off.
    """
    found = blocks(text)
    if "PRIVATE" in text:
        raise Advice(
            "holds a private key: the gateway must never have it", "give the public half: openssl pkey -pubout -in FILE"
        )
    if not found and "-----BEGIN" in text:
        raise Advice("is cut off: it has no -----END", "give all of its lines")
    if len(found) > 1:
        raise Advice(f"holds {len(found)} keys", "give one")
    if found and "CERTIFICATE" in found[0].label:
        raise Advice(
            "holds a certificate and no public key", "give the key in it: openssl x509 -pubkey -noout -in FILE"
        )
    return found[0].text if found else text.strip()
