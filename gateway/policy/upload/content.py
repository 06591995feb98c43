"""Whether the content of a file is of the type that it is declared as, while it arrives."""

from __future__ import annotations

from gateway.policy.upload.signatures import SIGNATURES

_NEEDED = 12  # bytes


class Content:
    """The judge of one file that is ``declared`` as a media type, without parameters; ``allowed`` are those of its part."""

    __slots__ = ("_head", "_signatures", "settled")

    def __init__(self, declared: str, allowed: frozenset[str]) -> None:
        self._signatures = SIGNATURES.get(declared, ())
        self._head = b""
        self.settled = False

    def feed(self, piece: bytes) -> str | None:
        """Judge ``piece``, which follows. Returns what is wrong, in a sentence."""
        if self.settled:
            return None
        self._head += piece[: _NEEDED - len(self._head)]
        return self._judge() if len(self._head) >= _NEEDED else None

    def end(self) -> str | None:
        """Judge the whole. Returns what is wrong, in a sentence."""
        return None if self.settled else self._judge()

    def _judge(self) -> str | None:
        self.settled = any(self._head.startswith(magic, at) for at, magic in self._signatures)
        return None if self.settled else "The content is not of the type that it is declared as."
