"""The README's five minutes, typed as they stand there into a shell."""

from __future__ import annotations

from pathlib import Path

from tests.shell_blocks import ROOT, in_order, shell_blocks, typed_before_the_demo


async def test_the_five_minutes_go_as_written(tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text().partition("## Five minutes")[2].partition("\n## ")[0]
    steps = shell_blocks(section)
    outputs = await typed_before_the_demo([block for block, _ in steps], tmp_path)
    assert len(outputs) == len(steps) == 8
    for (block, expected), output in zip(steps, outputs, strict=True):
        assert expected, block
        assert in_order(expected, output.splitlines()), f"{block}\n{output}"
