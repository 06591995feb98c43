"""What could not be read whole: names that are missing there are no problem of their own, and nothing is concluded from it.

One mistake has one message. A misspelt ``default:``, a policies file that is no YAML, ``include`` that matches nothing:
each is reported once, where it is, and not again at every route that builds on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from gateway.config.hints import nearest_key, unknown_key
from gateway.config.model import Defaults
from gateway.config.policy_keys import UNKNOWN
from gateway.config.problem import Report
from gateway.config.tree import Mapping, NodePath, Scalar, Sequence, child
from gateway.config.validate import parse


class Gaps:
    """The parts of one loading that are incomplete: keys of the entry file, and sections of policies."""

    def __init__(self, sections: Iterable[str]) -> None:
        self._sections = frozenset(sections)
        self.parts: set[str] = set()

    def __contains__(self, part: str) -> bool:
        return part in self.parts

    def add(self, part: str) -> None:
        """Note that ``part`` is incomplete; what ``include`` lacks may be of any section."""
        self.parts.add(part)
        if part == "include":
            self.parts |= self._sections

    def unknown_key(self, tree: Mapping, key: str, known: Collection[str], sentence: str, report: Report) -> None:
        """Reports the key ``key`` at the top of a file, and notes the part that it seems to be meant for."""
        report.add(tree.keys[key], (key,), sentence, unknown_key(key, known))
        meant = nearest_key(key, known)
        if meant is not None and meant not in tree.entries:
            self.add(meant)
        elif meant is None and isinstance(tree.entries[key], Mapping):
            self.add("include")  # perhaps policies under a word of their own

    def note_sections(self, tree: Mapping) -> None:
        """Note the sections of policies in ``tree`` that are no mappings, so that their names cannot be read."""
        for section in self._sections & tree.entries.keys():
            node = tree.entries[section]
            if not isinstance(node, Mapping) and not (isinstance(node, Scalar) and node.value is None):
                self.add(section)

    def names(self, found: dict[str, list[str]]) -> dict[str, list[str]]:
        """``found`` without the sections whose names are incomplete."""
        return {section: names for section, names in found.items() if section not in self.parts}

    def defaults(self, entry: Mapping, base: Path, report: Report) -> Defaults:
        """The ``defaults`` of the entry file. What cannot be read of them is ``UNKNOWN``, so that no route is reported to
        miss what it might inherit."""
        node = entry.entries.get("defaults")
        path: NodePath = ("defaults",)
        if node is None or (isinstance(node, Scalar) and node.value is None and not node.broken):
            return self._unknown(Defaults.model_fields) if "defaults" in self else Defaults()
        parsed = parse(Defaults, node, path, base, report)
        if parsed is not None:
            return self._with_auth(parsed, entry, report)
        self.add("defaults")
        if not isinstance(node, Mapping):
            return self._unknown(Defaults.model_fields)
        misspelt = node.entries.keys() - Defaults.model_fields.keys()
        sound: dict[str, object] = {}
        unknown = []
        for key in Defaults.model_fields:
            alone = parse(Defaults, node.only([key]), path, base, Report())
            if alone is None or (misspelt and key not in node.entries):
                unknown.append(key)
            elif key in node.entries:
                sound[key] = getattr(alone, key)
        return self._unknown(unknown).model_copy(update=sound)

    @staticmethod
    def _with_auth(defaults: Defaults, entry: Mapping, report: Report) -> Defaults:
        """``defaults``, where an ``auth`` without a value that routes would need is reported, once for all of them."""
        written = child(child(entry, "defaults"), "auth")
        routes = child(entry, "routes")
        found = routes.items if isinstance(routes, Sequence) else ()
        needed = any(isinstance(each, Mapping) and not {"auth", "listener"} & each.entries.keys() for each in found)
        if not (isinstance(written, Scalar) and written.value is None and not written.broken and needed):
            return defaults
        sentence = "is empty, and there are routes that do not say themselves who may use them"
        report.add(written.position, ("defaults", "auth"), sentence, "name a policy, or write auth: public")
        return defaults.model_copy(update={"auth": UNKNOWN})

    @staticmethod
    def _unknown(keys: Iterable[str]) -> Defaults:
        several = {name for name, field in Defaults.model_fields.items() if field.default == ()}
        return Defaults.model_validate({key: (UNKNOWN,) if key in several else UNKNOWN for key in keys})
