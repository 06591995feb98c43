"""Configurations as they are written, for tests of what differs between two."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from gateway.config.load import load
from gateway.config.model import Config

UPSTREAMS = """
upstreams:
  api: {endpoints: [{url: "http://127.0.0.1:9"}], trpc: {prefix: /trpc, transformer: none}}
  files: {endpoints: [{url: "http://127.0.0.1:10"}]}
"""


def config(folder: Path, text: str, others: Mapping[str, str] | None = None, upstreams: str = UPSTREAMS) -> Config:
    """The configuration of an entry file that says ``text`` beside its version and ``upstreams``. ``others`` are further files by
    name; those below ``policies`` that end with .yaml are included."""
    for name, content in (others or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(content))
    include = "include: [policies/*.yaml]\n" if any(name.endswith(".yaml") for name in others or {}) else ""
    entry = folder / "upstreams.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    entry.write_text(f"version: 1\n{include}{upstreams}{dedent(text)}")
    loaded = load(entry, {})
    assert isinstance(loaded, Config), "\n".join(str(problem) for problem in loaded)
    return loaded
