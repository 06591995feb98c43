"""The judge of one upload: what of it may go on to the upstream, and why it is refused, while it arrives."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.policy.upload.file_judge import FileJudge
from gateway.policy.upload.form import Form
from gateway.policy.upload.part_head import PartHead, with_type
from gateway.policy.upload.pattern import compiled
from gateway.policy.upload.refused import MalformedForm, TooLarge, TypeRefused, UploadRefused
from gateway.policy.upload.settings import Part


class PartRule:
    """One part of the policy, ready to judge."""

    __slots__ = ("allowed", "as_", "is_file", "max", "name", "pattern", "required", "takes")

    def __init__(self, name: str, part: Part) -> None:
        self.name = name
        self.max = part.max
        self.required = part.required
        self.is_file = bool(part.types)
        self.allowed = frozenset(part.types) | part.as_.keys()
        self.as_ = {source: target.encode() for source, target in part.as_.items()}
        self.pattern = None if part.pattern is None else compiled(part.pattern)
        self.takes = ", ".join(part.types)


class FormJudge:
    """Judges one form by ``rules``. Nothing goes on before it is judged: a text is held until it is complete, a file until its
    content is known, and what ends the form until all of it is judged."""

    __slots__ = ("_file", "_form", "_held", "_length", "_ready", "_rule", "_rules", "_seen", "_size", "_text_at")

    def __init__(self, rules: Mapping[str, PartRule], boundary: bytes) -> None:
        self._rules = rules
        self._form = Form(boundary, self)
        self._seen: set[str] = set()
        self._ready: list[bytes] = []
        self._held = bytearray()
        self._rule: PartRule | None = None  # of the part that arrives
        self._file: FileJudge | None = None  # of that part, where it is a file
        self._text_at = 0  # where it begins in what is held, where that part is none
        self._size = 0  # bytes of that part
        self._length: int | None = None  # which it declares

    def feed(self, piece: bytes) -> bytes:
        """What may go on now that ``piece`` is here. Raises UploadRefused."""
        self._form.feed(piece)
        ready, self._ready = self._ready, []
        return b"".join(ready)

    def end(self) -> bytes:
        """What is left to go on when all has been fed. Raises UploadRefused."""
        rest = self._form.end()
        for name, rule in self._rules.items():
            if rule.required and name not in self._seen:
                raise MalformedForm(f"The form needs the part {name}.", name)
        return rest

    # the form's events

    def on_part(self, head: PartHead, raw: bytes) -> None:
        """See ``form.PartEvents``."""
        rule = self._rules.get(head.name)
        if rule is None:
            raise MalformedForm(f"The form may have these parts alone: {', '.join(self._rules)}.")
        name = rule.name
        if name in self._seen:
            raise MalformedForm(f"The form has the part {name} more than once.", name)
        self._seen.add(name)
        self._rule, self._size, self._length = rule, 0, head.length
        if (head.file_name is not None) is not rule.is_file:
            expected = "a file, with a file name" if rule.is_file else "a text, without a file name"
            raise MalformedForm(f"The part {name} must be {expected}.", name)
        if head.length is not None and head.length > rule.max:
            raise self._too_large(rule)
        if rule.is_file:
            if head.type not in rule.allowed:
                raise TypeRefused(f"The part {name} must be one of {rule.takes}.", name)
            self._file = FileJudge(head.type, rule.allowed)
            if head.type in rule.as_:
                raw = with_type(raw, rule.as_[head.type])
        else:
            self._file = None
            if not head.is_plain_text:
                raise TypeRefused(f"The part {name} must be plain text in UTF-8.", name)
        self._held += raw
        self._text_at = len(self._held)

    def on_content(self, data: bytes) -> None:
        """See ``form.PartEvents``."""
        rule, file = self._rule, self._file
        assert rule is not None, "a part has begun"
        room = rule.max - self._size
        taken = data[:room] if len(data) > room else data  # what is wrong before that is said first, however it is cut
        self._size += len(taken)
        if file is None:
            self._held += taken
        elif taken:
            self._judge_file(rule, file, taken)
        if taken is not data:
            raise self._too_large(rule)

    def _judge_file(self, rule: PartRule, file: FileJudge, data: bytes) -> None:
        wrong = file.feed(data)
        if wrong is not None:
            raise self._wrong(rule, file, wrong)
        if file.settled:
            self._release()
            self._ready.append(data)
        else:
            self._held += data

    def on_part_end(self) -> None:
        """See ``form.PartEvents``."""
        rule, file = self._rule, self._file
        assert rule is not None, "a part has begun"
        if self._length is not None and self._length != self._size:
            raise MalformedForm(f"The part {rule.name} is not as long as it says.", rule.name)
        if file is None:
            self._judge_text(rule)
        elif not self._size:
            raise MalformedForm(f"The file in the part {rule.name} is empty.", rule.name)
        else:
            wrong = file.end()
            if wrong is not None:
                raise self._wrong(rule, file, wrong)
        self._release()

    def _judge_text(self, rule: PartRule) -> None:
        try:
            text = self._held[self._text_at :].decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedForm(f"The part {rule.name} must be UTF-8.", rule.name) from None
        if text[:1] == "\ufeff":  # which undici takes away and others do not
            raise MalformedForm(f"The part {rule.name} must not begin with a byte order mark.", rule.name)
        if "\0" in text:
            raise MalformedForm(f"The part {rule.name} must not hold a NUL.", rule.name)
        if rule.pattern is not None and rule.pattern.fullmatch(text) is None:
            raise MalformedForm(f"The part {rule.name} has a value that is not accepted.", rule.name)

    def _release(self) -> None:
        if self._held:
            self._ready.append(bytes(self._held))
            self._held.clear()

    @staticmethod
    def _too_large(rule: PartRule) -> TooLarge:
        return TooLarge(f"The part {rule.name} may have {_size(rule.max)} at most.", rule.name)

    @staticmethod
    def _wrong(rule: PartRule, file: FileJudge, wrong: str) -> UploadRefused:
        if file.slug == MalformedForm.slug:
            return MalformedForm(f"The part {rule.name} is refused. {wrong}", rule.name, file.detail)
        return TypeRefused(f"The part {rule.name} must be one of {rule.takes}. {wrong}", rule.name, file.detail)


def _size(count: int) -> str:
    """``count`` bytes, in the largest unit of which they are a whole number."""
    for unit, each in (("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1024), ("KB", 1000)):
        if count >= each and not count % each:
            return f"{count // each} {unit}"
    return f"{count} bytes"
