"""The digest of the configuration in effect: equal on two hosts exactly when they run the same.

It covers values and not files: what variables and ``${file:}`` brought in, secrets, the contents of named files, and
defaults. It is public (/health), so nobody may find a secret by trying: see docs/decisions/digest.md.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from hashlib import blake2b, scrypt, sha256
from pathlib import Path

from pydantic import BaseModel

from gateway.config.checks.weakness import secret_weakness
from gateway.config.model import Config
from gateway.config.worker_count import WorkerCount
from gateway.core.secret import Secret
from gateway.core.units import Rate

LARGEST_FILE = 1024 * 1024
"""Bytes of a named file that count: more than a certificate chain has."""

_LEFT_OUT = frozenset(("version", "digest", "files", "warnings", "settings", "named_at", "acknowledgements"))
"""Fields of ``Config`` about the files and their review, and not about what is served."""

_STRETCH = {"n": 2**13, "r": 8, "p": 1}
"""Of scrypt, some 20 ms: where nothing else keeps somebody from trying."""


def effective_digest(config: Config) -> str:
    """SHA-256 in hex over the settings of ``config``, keyed so that it gives away none of their secrets."""
    secrets: list[str] = []
    base = config.files[0].parent if config.files else Path()
    values = {
        field.name: _plain(getattr(config, field.name), base, secrets)
        for field in fields(config)
        if field.name not in _LEFT_OUT
    }
    octets = json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
    key = config.state.key.reveal() if config.state.key else ""
    if key and not secret_weakness(key):
        derived = blake2b(_octets(key), digest_size=32, person=b"digest").digest()
        return hmac.new(derived, octets, sha256).hexdigest()
    # All secrets together are the key: whoever does not know the strongest of them can try none of the others.
    digest = sha256(octets)
    if secrets and all(secret_weakness(secret) for secret in secrets):
        return scrypt(digest.digest(), salt=b"gateway digest", dklen=32, **_STRETCH).hex()
    return digest.hexdigest()


def _plain(value: object, base: Path, secrets: list[str]) -> object:
    """``value`` as plain JSON, the same for the same settings wherever the files are. Adds its ``secrets``."""
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name), base, secrets) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(key): _plain(each, base, secrets) for key, each in value.items()}
    if isinstance(value, tuple | list) and not isinstance(value, Rate):
        return [_plain(each, base, secrets) for each in value]
    if is_dataclass(value) and not isinstance(value, Rate):
        names = [field.name for field in fields(value) if field.name != "position"]
        return {name: _plain(getattr(value, name), base, secrets) for name in names}
    if isinstance(value, Secret) and value:
        secrets.append(value.reveal())
    return _path(value, base) if isinstance(value, Path) else _leaf(value)


def _leaf(value: object) -> object:
    match value:
        case WorkerCount():
            return value.written
        case None | bool() | int() | float():
            return value
        case str():
            return value if value.isascii() else ["text", _octets(value).hex()]
        case Secret():
            return ["secret", _octets(value.reveal()).hex()]
        case bytes():
            return ["bytes", sha256(value).hexdigest()]
        case date() | Rate() | ipaddress.IPv4Network() | ipaddress.IPv6Network():
            return str(value)
    raise TypeError(f"no digest of a {type(value).__name__}")


def _octets(text: str) -> bytes:
    # surrogatepass: a value read from the environment may hold bytes that are not UTF-8
    return text.encode("utf-8", "surrogatepass")


def _path(path: Path, base: Path) -> object:
    """A file by its content, so that another one under the same name is another configuration; what is no file by its
    name, from the folder of the entry file on where it is below it."""
    try:
        if path.is_file():
            with path.open("rb") as file:
                return ["file", sha256(file.read(LARGEST_FILE)).hexdigest()]
    except OSError:
        pass  # the check of the configuration says so
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)
