"""Work in a process of its own: tests/process/test_comparison.py has what becomes of one that dies, hangs or says too much."""

import pytest

from gateway.process.apart import run_apart


async def test_a_module_gets_its_order_and_gives_a_code_and_its_output() -> None:
    code, octets = await run_apart("json.tool", b'{"a": 1}', 5.0)
    assert (code != 0, octets) == (True, b""), "its argument is a number of seconds, and no file of that name is here"


async def test_too_large_a_result_is_none() -> None:
    with pytest.raises(ValueError, match="too large"):
        await run_apart("this", b"", 5.0, largest=10)
