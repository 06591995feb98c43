"""Whatever a run opens or reads is broken in every way: the check and the run refuse in the same words, or the run serves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.certificate_files import issue
from tests.cli.command_line import run
from tests.gateway_run import ENTRY, Maker, command

Break = Callable[[Path], None]

SECURE = (
    ENTRY.replace("drain: DRAIN", "drain: DRAIN, tls: {cert: cert.pem, key: key.pem}")
    .replace("state: {path: state}", "state: {path: state, key: '${file:state-key}', redis: '${file:redis}'}")
    .replace("${GATEWAY_OPS_TOKEN}", "${file:token}")
    .replace("${JWT_SECRET}", "${file:jwt}")
    .replace("${UPSTREAM_KEY}", "${file:key}")
)
GOOD = {
    "state-key": "9f2c71d4e8ab5036cd17e49a02b6f85d",
    "redis": "redis://127.0.0.1:1",
    "token": "2c71d4e8ab5036cd17e49a02b6f85d9f",
    "jwt": "uG7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6a",
    "key": "sk-41f09c22ab",
}


def whole(folder: Path) -> None:
    issue(folder, "first")
    for name, text in GOOD.items():
        (folder / name).write_text(text)


def changed(name: str, change: Callable[[bytes], bytes]) -> Break:
    def apply(folder: Path) -> None:
        file = folder / name
        file.write_bytes(change(file.read_bytes()))

    return apply


def missing(name: str) -> Break:
    return lambda folder: (folder / name).unlink()


def another_key(folder: Path) -> None:
    (folder / "more").mkdir()
    issue(folder / "more", "second")
    (folder / "key.pem").write_bytes((folder / "more" / "key.pem").read_bytes())


SECRETS = {
    f"{name}: {how}": changed(name, change)
    for name in GOOD
    for how, change in {
        "two line ends": lambda text: text + b"\n\n",
        "byte order mark": lambda text: b"\xef\xbb\xbf" + text,
        "quotes": lambda text: b'"' + text + b'"',
        "blank": lambda text: b" " + text,
        "not UTF-8": lambda text: text + b"\xff",
        "empty": lambda _: b"",
    }.items()
}
FILES = {f"{name}: missing": missing(name) for name in (*GOOD, "cert.pem", "key.pem")}
PAIR = {
    "cert.pem: DER": changed("cert.pem", lambda _: b"\x30\x03\x02\x01\x01"),
    "cert.pem: cut off": changed("cert.pem", lambda text: text[:-40]),
    "key.pem: empty": changed("key.pem", lambda _: b""),
    "key.pem: passphrase": changed("key.pem", lambda text: text.replace(b"PRIVATE", b"ENCRYPTED PRIVATE")),
    "key.pem: of another": another_key,
    "redis: a password that is not encoded": changed("redis", lambda _: b"redis://:pAsw#oRdd@127.0.0.1:1"),
    "state: a file": lambda folder: (folder / "state").touch(),
    "state: no file in it": lambda folder: (folder / "state" / "data.mdb").mkdir(parents=True),
}


WAYS = {**SECRETS, **FILES, **PAIR}


class Begun:
    """A supervisor that a run has come to: nothing was refused before it."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    async def run(self) -> int:
        return 0


def outcome(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, object]]:
    """The problems that a command reports; none where it is content."""
    code = run(*words, "--json")
    captured = capsys.readouterr()
    if code == 0:
        return []
    assert code == 2
    problems: list[dict[str, object]] = json.loads((captured.out or captured.err).splitlines()[-1])["problems"]
    return problems


@pytest.mark.parametrize("way", WAYS)
def test_the_check_and_the_run_refuse_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gateway.cli.run.Supervisor", Begun)
    entry = SECURE.replace("WORKERS", "1").replace("DRAIN", "1s").replace("BACKEND", "http://127.0.0.1:9")
    (tmp_path / "upstreams.yaml").write_text(entry)
    whole(tmp_path)
    assert outcome(capsys, "check", "--offline") == outcome(capsys, "run") == []
    WAYS[way](tmp_path)
    said = outcome(capsys, "check", "--offline")
    assert said == outcome(capsys, "run")
    (problem,) = said
    assert problem["line"] and problem["path"] and problem["sentence"]
    assert not any(text[:9] in json.dumps(said) for text in (*GOOD.values(), "pAsw") if text != GOOD["redis"])


async def test_what_has_one_reading_is_served(runs: Maker, http: ClientSession, tmp_path: Path) -> None:
    whole(tmp_path)
    for name in GOOD:
        (tmp_path / name).write_text(GOOD[name] + "\r\n")
    cert, key = (tmp_path / "cert.pem").read_bytes(), (tmp_path / "key.pem").read_bytes()
    (tmp_path / "cert.pem").write_bytes(b"\xef\xbb\xbfsubject=/CN=first\r\n" + cert.replace(b"\n", b"\r\n"))
    (tmp_path / "key.pem").write_bytes(key.replace(b"\n", b"\\n"))
    started = await runs(entry=SECURE)
    assert (await command(started, "check", "--offline"))[0] == 0
    async with http.get(started.url + "/api/info", ssl=False) as response:
        assert response.status == 200
    async with http.get(started.ops + "/health", headers={"authorization": f"Bearer {GOOD['token']}"}) as response:
        assert response.status == 200
