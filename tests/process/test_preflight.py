"""What a run needs of its machine and the network is tried before it begins."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from gateway.config.load import load
from gateway.config.model import Config
from gateway.process.preflight import WITHIN, preflight
from tests.certificate_files import issue

KEY = "9f2c71d4e8ab5036cd17e49a02b6f85d"
ENTRY = """\
version: 1
listen: {host: HOST, port: PORT}
ops: {host: 127.0.0.1, port: 0}
state: {redis: "REDIS", key: KEY}
upstreams: {tutor: {endpoints: [{url: "http://NAME:8787"}]}}
routes: [{name: a, paths: [/a], upstream: tutor, auth: public}]
"""


def found(folder: Path, **values: str) -> list[tuple[str, str, bool]]:
    text = ENTRY
    defaults = {"HOST": "127.0.0.1", "PORT": "0", "REDIS": "", "NAME": "localhost", "KEY": KEY}
    given = values | {word: value for word, value in defaults.items() if word not in values}
    for word, value in given.items():
        text = text.replace(word, value)
    (folder / "upstreams.yaml").write_text(text)
    loaded = load(folder / "upstreams.yaml", {})
    assert isinstance(loaded, Config), loaded
    return [
        (f"{each.problem.line} {each.problem.path}", each.problem.sentence, each.refuses) for each in preflight(loaded)
    ]


def test_nothing_is_found_where_all_is_well(tmp_path: Path) -> None:
    assert found(tmp_path) == []


def test_an_address_of_another_machine_keeps_the_run_from_starting(tmp_path: Path) -> None:
    ((path, sentence, refuses),) = found(tmp_path, HOST="192.0.2.1")
    assert (path, refuses) == ("2 listen.host", True)
    assert sentence == "cannot listen on 192.0.2.1:0: Cannot assign requested address"


def test_a_port_that_is_taken_may_be_the_gateways_own(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ((path, sentence, refuses),) = found(tmp_path, PORT=str(port))
    assert (path, refuses) == ("2 listen.port", False)
    assert sentence == f"cannot listen on 127.0.0.1:{port}: Address already in use"


def test_a_redis_that_is_away_is_a_warning_without_its_password_and_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"redis://:pAsw%23oRdd@127.0.0.1:{closed.getsockname()[1]}"
        began = time.monotonic()
        ((path, sentence, refuses),) = found(tmp_path, REDIS=url)
    assert (path, refuses) == ("4 state.redis", False) and sentence == "does not respond (ConnectionError)"
    assert time.monotonic() - began < WITHIN


@pytest.mark.parametrize(
    ("listener", "sentence"),
    [
        ("ops", "leads to the operators' listener"),
        ("egress", "leads to the egress listener"),
        ("public", "leads to the public listener of this gateway: each request would come round as another one"),
        ("another", ""),
    ],
)
def test_a_name_that_only_a_name_server_knows_to_be_this_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: str, sentence: str
) -> None:
    def getaddrinfo(host: str, port: object, *args: object, **more: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", ("127.0.0.1", 0))] if host == "me.example" else system(host, port, *args, **more)

    system = cast(Callable[..., list[tuple[object, ...]]], socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with contextlib.ExitStack() as stack:
        free = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        ports = [one.getsockname()[1] for one in free]
    public, ops, egress, another = map(str, ports)
    to = {"public": public, "ops": ops, "egress": egress, "another": another}[listener]
    edits = {
        "port: PORT}": f"port: {public}, egress: {{host: 127.0.0.1, port: {egress}}}}}",
        "port: 0}": f"port: {ops}}}",
        "NAME:8787": f"me.example:{to}",
    }
    expected = [("5 upstreams.tutor.endpoints[0].url", f"by its name server {sentence}", False)]
    assert found(tmp_path, **edits) == (expected if sentence else [])


def test_a_name_that_leads_nowhere_is_a_warning(tmp_path: Path) -> None:
    ((path, sentence, refuses),) = found(tmp_path, NAME="nowhere.invalid")
    assert path.startswith("5 upstreams.tutor.endpoints") and not refuses
    assert sentence == "nowhere.invalid leads to no address"


def test_a_port_that_another_listener_of_the_same_files_takes_keeps_the_run_from_starting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    text = ENTRY.replace("ops: {host: 127.0.0.1, port: 0}", f"ops: {{host: localhost, port: {port}}}")
    assert text != ENTRY
    (tmp_path / "upstreams.yaml").write_text(
        text.replace("HOST", "127.0.0.1").replace("PORT", port).replace("REDIS", "").replace("NAME", "localhost")
    )
    loaded = load(tmp_path / "upstreams.yaml", {})
    assert isinstance(loaded, Config), loaded
    ((problem, refuses),) = preflight(loaded)
    assert (problem.path, problem.sentence, refuses) == (
        "ops.port",
        f"cannot listen on localhost:{port}: Address already in use",
        True,
    )


@pytest.mark.parametrize(
    ("content", "trouble"), [(None, "names no file"), ("no certificate", "names a file that holds no certificate")]
)
def test_authorities_that_verify_nobody_are_a_warning_where_there_is_https(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, trouble: str
) -> None:
    authorities = tmp_path / "authorities.pem"
    if content is not None:
        authorities.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    assert found(tmp_path) == []
    monkeypatch.setattr(f"{__name__}.ENTRY", ENTRY.replace("http://NAME", "https://NAME"))
    ((path, sentence, refuses),) = found(tmp_path)
    assert path == "5 upstreams.tutor.endpoints[0].url" and not refuses
    assert sentence == f"is https, and SSL_CERT_FILE {trouble}"
    issue(tmp_path, "an authority")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    assert found(tmp_path) == []
