"""What only the embedded store promises: many gateways on one path, and nothing in clear."""

import subprocess
from pathlib import Path

from gateway.state.lmdb.store import LmdbStore
from tests.state.lmdb.processes import ADA, NOON, child


def test_two_gateways_on_one_path_count_together_and_neither_ends_the_other(tmp_path: Path) -> None:
    script = (
        f"take = lambda: store.take([{ADA!r}], {NOON})[0].remaining\n"
        "while word := sys.stdin.readline().strip():\n"
        "    print(store.close() if word == 'close' else take(), flush=True)"
    )
    one, other = child(script, tmp_path), child(script, tmp_path)

    def say(process: subprocess.Popen[bytes], word: str) -> str:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(word.encode() + b"\n")
        process.stdin.flush()
        return process.stdout.readline().decode().strip()

    assert [say(one, "take"), say(other, "take"), say(one, "take")] == ["999", "998", "997"]
    assert say(other, "close") == "None"
    assert say(one, "take") == "996"
    third = child(script, tmp_path)
    assert say(third, "take") == "995"
    one.kill()
    one.communicate()
    assert say(third, "take") == "994"
    for process in (other, third):
        process.communicate(timeout=30)
    store = LmdbStore(tmp_path, size=1 << 24)
    assert store.take([ADA], NOON)[0].remaining == 993
    assert not store.forgot
    store.close()


def test_no_client_bytes_are_kept_in_clear(tmp_path: Path) -> None:
    store = LmdbStore(tmp_path, key=b"k" * 100, size=1 << 20)
    store.take([ADA], NOON)
    store.close()
    data = (tmp_path / "data.mdb").read_bytes()
    assert b"ada" not in data
    assert b"kkkk" not in data
