"""Verifies tokens of every algorithm with pyjwt (this file is its door).

A worker does not import it at its start: pyjwt loads cryptography, 9 MiB of a worker that HS* tokens do without.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jwt

from gateway.core.verdict import Refusal
from gateway.policy.auth import challenge


class _KeyedAlgorithm(jwt.algorithms.Algorithm):
    """An algorithm of pyjwt with its one key, which is parsed when the configuration is loaded and not for each token."""

    def __init__(self, algorithm: jwt.algorithms.Algorithm, key: Any) -> None:
        self._algorithm = algorithm
        self._key = key

    def prepare_key(self, key: Any) -> Any:
        return self._key

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        return self._algorithm.verify(msg, key, sig)

    def sign(self, msg: bytes, key: Any) -> bytes:
        raise NotImplementedError("the gateway signs nothing")

    @staticmethod
    def to_jwk(key_obj: Any, as_dict: bool = False) -> Any:
        raise NotImplementedError("the gateway gives no key away")

    @staticmethod
    def from_jwk(jwk: Any) -> Any:
        raise NotImplementedError("keys come from the settings only")


class JwsVerifier:
    """Verifies tokens of ``algorithms`` and no others, all with ``key``: a secret, or the PEM text of a public key.

    Raises ValueError for an unfit key; its sentence repeats no key. Whether a short secret is acceptable is decided where
    the environment is known. ``library`` is the object of pyjwt.
    """

    __slots__ = ("_algorithms", "_key", "library")

    def __init__(self, algorithms: Iterable[str], key: bytes, secret: bool) -> None:
        if not secret and b"PRIVATE" in key:
            raise ValueError("public_key holds a private key: the gateway must never have it")
        self._algorithms = list(dict.fromkeys(algorithms))
        self.library = jwt.PyJWS(algorithms=[])
        self._key: Any = None
        for name in self._algorithms:
            algorithm = jwt.get_algorithm_by_name(name)
            try:
                prepared = algorithm.prepare_key(key)
            except (jwt.InvalidKeyError, ValueError, TypeError):
                what = "secret looks like a public key or a JWK" if secret else f"public_key is no key for {name}"
                raise ValueError(what) from None
            if not secret and algorithm.check_key_length(prepared):
                raise ValueError("public_key is too short: RSA keys have at least 2048 bits")
            self._key = prepared
            self.library.register_algorithm(name, _KeyedAlgorithm(algorithm, prepared))

    def verify(self, token: bytes) -> bytes | Refusal:
        """See ``TokenVerifier`` (RFC 7515 section 5.2)."""
        try:
            decoded = self.library.decode_complete(token, algorithms=self._algorithms)
        except jwt.InvalidSignatureError:
            return challenge.FORGED
        except jwt.PyJWTError as error:
            return challenge.invalid(type(error).__name__)  # its message may quote the token
        if "crit" in decoded["header"] or "b64" in decoded["header"]:
            return challenge.invalid("an extension")
        payload: bytes = decoded["payload"]
        return payload

    def has_key_of(self, other: JwsVerifier) -> bool:
        """Whether both have one key, however its text is spelled: PEM has many spellings of one."""
        return bool(self._key == other._key)
