"""The lines to type of docs/before-you-deploy.md, before the demo backend, which has none of the faults."""

from __future__ import annotations

from pathlib import Path

from tests.shell_blocks import ROOT, in_order, shell_blocks, typed_before_the_demo

CHECKED = 6  # blocks whose output the page shows; the others need a user's id or a backend that checks its codes


async def test_what_the_page_shows_is_what_the_gateway_says(tmp_path: Path) -> None:
    steps = [
        (typed, expected)
        for typed, expected in shell_blocks((ROOT / "docs/before-you-deploy.md").read_text())
        if expected
    ]
    assert len(steps) == CHECKED
    outputs = await typed_before_the_demo([typed for typed, _ in steps], tmp_path)
    for (typed, expected), output in zip(steps, outputs, strict=True):
        assert in_order(expected, output.splitlines()), f"{typed}\n{output}"
