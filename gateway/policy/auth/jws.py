"""Signatures of every kind, by pyjwt (this file is its door).

Not to be imported where a worker starts: pyjwt brings cryptography, 9 MiB of a worker that HS* tokens do without.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jwt

from gateway.policy.auth.claims import Unfit


class _Prepared(jwt.algorithms.Algorithm):
    """An algorithm of pyjwt with the one key it is used with: parsed at load, not at every token."""

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


class Library:
    """pyjwt with nothing but ``algorithms``, all of them with ``key``: a secret, or the PEM text of a public key.

    Raises ValueError that repeats no key. Whether a short secret is acceptable is decided where the environment is known.
    """

    __slots__ = ("_algorithms", "verifier")

    def __init__(self, algorithms: Iterable[str], key: bytes, secret: bool) -> None:
        if not secret and b"PRIVATE" in key:
            raise ValueError("public_key holds a private key: the gateway must never have it")
        self._algorithms = list(dict.fromkeys(algorithms))
        self.verifier = jwt.PyJWS(algorithms=[])
        for name in self._algorithms:
            algorithm = jwt.get_algorithm_by_name(name)
            try:
                prepared = algorithm.prepare_key(key)
            except (jwt.InvalidKeyError, ValueError, TypeError):
                what = "secret looks like a public key or a JWK" if secret else f"public_key is no key for {name}"
                raise ValueError(what) from None
            if not secret and algorithm.check_key_length(prepared):
                raise ValueError("public_key is too short: RSA keys have at least 2048 bits")
            self.verifier.register_algorithm(name, _Prepared(algorithm, prepared))

    def payload(self, token: bytes) -> bytes:
        """What ``token`` says, verified. Raises Unfit."""
        try:
            read = self.verifier.decode_complete(token, algorithms=self._algorithms)
        except jwt.PyJWTError as error:
            raise Unfit(type(error).__name__) from None  # its message may quote the token
        if "crit" in read["header"] or "b64" in read["header"]:
            raise Unfit("an extension")
        payload: bytes = read["payload"]
        return payload
