"""Which gateway a command of operators is for: by address and token alone, whatever the files say."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from gateway.cli.ops_options import LONGEST_TOKEN, listener, read_token
from tests.cli.operators import Operators
from tests.ops.api.fake_admin import TOKEN

COMMANDS = [
    ("health",),
    ("breakers",),
    ("lockouts",),
    ("reload",),
    ("whois", "--subject", "u1"),
    ("unlock", "--account", "a@b.c"),
    ("revoke", "--subject", "u1"),
]
each_command = pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])


@each_command
@pytest.mark.parametrize("entry", [None, "routes: [", "ops: {port: nine}", "ops: {port: 1, token: another}", "\x00"])
async def test_with_address_and_token_no_file_is_read(
    operators: Operators, tmp_path: Path, words: tuple[str, ...], entry: str | None
) -> None:
    if entry is not None:
        (tmp_path / "upstreams.yaml").write_text(entry)
    code, body = await operators.json(*words)
    assert code == (1 if words[0] == "unlock" else 0)
    assert "error" not in body


@each_command
async def test_variables_name_them_as_well(
    operators: Operators, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_OPS_URL", operators.url)
    for name, value in (("GATEWAY_OPS_TOKEN_FILE", str(operators.token_file)), ("GATEWAY_OPS_TOKEN", TOKEN)):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            assert (await operators.bare(*words))[0] in (0, 1)
    code, _, err = await operators.bare(*words)
    assert (code, "none was sent" in err) == (2, True)


async def test_the_files_are_asked_for_that_part_only(operators: Operators, tmp_path: Path) -> None:
    port = operators.url.rpartition(":")[2]
    (tmp_path / "upstreams.yaml").write_text(
        f"ops: {{port: {port}, token: {TOKEN}}}\nroutes: [{{name: x, auth: nobody}}]\nstate: {{key: '${{UNSET}}'}}\n"
    )
    assert (await operators.bare("lockouts"))[:2] == (0, "nobody is locked\n")
    (tmp_path / "upstreams.yaml").write_text(f"ops: {{port: {port}, token: another}}")
    assert (await operators.bare("lockouts", "--token-file", str(operators.token_file)))[0] == 0


async def test_without_address_and_without_files_it_says_what_to_name(operators: Operators) -> None:
    code, out, err = await operators.bare("lockouts")
    assert (code, out) == (2, "")
    assert "upstreams.yaml:1:1  cannot be read" in err
    assert "name it with --ops URL --token-file FILE" in err
    code, out, err = await operators.bare("lockouts", "--json")
    assert (code, err, '"problems"' in out and '"ok": false' in out) == (2, "", True)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://user:hunter22@127.0.0.1:9090", "holds a user or a password"),
        ("ftp://127.0.0.1:9090", "begins with ftp://"),
        ("http://", "is no address"),
        ("http://127.0.0.1:nine", "is no address"),
        ("http://127.0.0.1:99999", "is no address"),
        ("http://127.0.0.1:9090/?a=b", "is no address"),
        ("localhost", "names no port: write it like http://localhost:9090"),
        ("http://a b:9090", "is no address"),
    ],
)
async def test_another_address_is_refused(operators: Operators, url: str, sentence: str) -> None:
    code, out, err = await operators.bare("lockouts", "--ops", url)
    assert (code, out, sentence in err) == (2, "", True), err
    assert "hunter22" not in err


async def test_an_address_may_lack_its_scheme_and_end_with_a_slash(operators: Operators) -> None:
    for url in (
        operators.url.removeprefix("http://"),
        operators.url + "/",
        operators.url.replace("127.0.0.1", "localhost"),
    ):
        assert (await operators.bare("lockouts", "--ops", url, "--token-file", str(operators.token_file)))[0] == 0


@pytest.mark.parametrize("octets", [b"t0k3n", b"t0k3n\n", b"t0k3n\r\n"])
def test_one_line_end_of_a_token_file_is_stripped(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "token").write_bytes(octets)
    assert read_token(str(tmp_path / "token")).reveal() == "t0k3n"


@pytest.mark.parametrize(
    ("octets", "sentence"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"s3cr3t\n\n", "holds what no token has"),
        (b"\xef\xbb\xbfs3cr3t", "holds what no token has"),
        (b"s3cr3t x", "holds what no token has"),
        (b"s3cr3t\x00", "holds what no token has"),
        ("s3cr3té".encode(), "holds what no token has"),
        (b"s3cr3t" * LONGEST_TOKEN, "is longer than"),
    ],
)
def test_what_is_no_token_is_refused_and_not_repeated(tmp_path: Path, octets: bytes, sentence: str) -> None:
    (tmp_path / "token").write_bytes(octets)
    with pytest.raises(ValueError, match=sentence) as refused:
        read_token(str(tmp_path / "token"))
    assert "s3cr3t" not in str(refused.value)


def test_a_token_comes_from_standard_input_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"t0k3n\n")))
    assert read_token("-").reveal() == "t0k3n"
    with pytest.raises(ValueError, match="--token-file /nowhere cannot be read: No such file"):
        read_token("/nowhere")


async def test_a_token_that_no_field_carries_is_not_quoted_by_the_library(
    operators: Operators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_OPS_TOKEN", "s3cr3t\r\nx-evil: 1")
    code, out, err = await operators.bare("lockouts", "--ops", operators.url)
    assert (code, out) == (2, "")
    assert "GATEWAY_OPS_TOKEN holds what no token has" in err and "s3cr3t" not in err


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://gateway.example.com:9090", True),
        ("203.0.113.7:9090", True),
        ("http://[2001:db8::7]:9090", True),
        ("https://gateway.example.com", False),
        ("http://127.0.0.1:9090", False),
        ("http://[::1]:9090", False),
        ("http://localhost:9090", False),
        ("http://10.0.0.5:9090", False),
        ("http://gateway.internal:9090", False),
        ("http://gateway:9090", False),
    ],
)
def test_a_token_that_goes_over_foreign_networks_in_clear_is_worth_a_warning(
    capsys: pytest.CaptureFixture[str], url: str, warned: bool
) -> None:
    listener(url, "", Path("none.yaml"), {"GATEWAY_OPS_TOKEN": TOKEN})
    err = capsys.readouterr().err
    assert ("in clear: write https://" in err) is warned and TOKEN not in err
    listener(url, "", Path("none.yaml"), {})
    assert capsys.readouterr().err == ""
