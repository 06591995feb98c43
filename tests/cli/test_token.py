"""A development token is good at the gateway and the demo, and cannot be made in production."""

import json

import jwt
import pytest
import typer
from typer.testing import CliRunner

from gateway.cli.token import token
from gateway.demo.accounts import ADA_EMAIL, user_id

SECRET = "a-demo-secret-of-forty-characters-or-so!"


def run(*arguments: str, **env: str) -> tuple[int, str, str]:
    app = typer.Typer()
    app.command()(token)
    result = CliRunner().invoke(app, arguments, env={"JWT_SECRET": None, "GATEWAY_ENV": None} | env)
    return result.exit_code, result.stdout.strip(), result.stderr.strip()


def test_it_is_an_access_token_of_ada_for_15_minutes() -> None:
    code, made, errors = run(JWT_SECRET=SECRET)
    assert (code, errors) == (0, "")
    claims = jwt.decode(made, SECRET, algorithms=["HS256"])
    assert (claims["sub"], claims["type"], claims["exp"] - claims["iat"]) == (user_id(ADA_EMAIL), "access", 900)
    assert (claims["expInSec"], len(claims["sid"])) == (900, 32)


def test_everything_about_it_can_be_chosen() -> None:
    code, out, _ = run("--sub", "someone", "--expires", "1h", "--type", "refresh", "--json", JWT_SECRET=SECRET)
    printed = json.loads(out)
    assert code == 0
    assert jwt.decode(printed["token"], SECRET, algorithms=["HS256"]) == printed["claims"]
    assert (printed["claims"]["sub"], printed["claims"]["type"], printed["claims"]["expInSec"]) == (
        "someone",
        "refresh",
        3600,
    )


@pytest.mark.parametrize("name", ["production", "Production", " production "])
def test_never_in_production(name: str) -> None:
    code, out, errors = run(JWT_SECRET=SECRET, GATEWAY_ENV=name)
    assert (code, out) == (2, "")
    assert errors.startswith("gateway token: GATEWAY_ENV is production.")


@pytest.mark.parametrize(
    ("arguments", "env", "sentence"),
    [
        ((), {}, "JWT_SECRET is not set."),
        ((), {"JWT_SECRET": "short-secret"}, "JWT_SECRET has 12 characters."),
        (("--expires", "soon"), {"JWT_SECRET": SECRET}, "--expires 'soon' is not a duration"),
        (("--expires", "0s"), {"JWT_SECRET": SECRET}, "--expires '0s' is out of range"),
        (("--expires", "9999d"), {"JWT_SECRET": SECRET}, "--expires '9999d' is out of range"),
        (("--sub", ""), {"JWT_SECRET": SECRET}, "--sub and --type must not be empty."),
    ],
)
def test_wrong_input_is_exit_2_and_a_sentence(arguments: tuple[str, ...], env: dict[str, str], sentence: str) -> None:
    code, out, errors = run(*arguments, **env)
    assert (code, out) == (2, "")
    assert sentence in errors
    assert "short-secret" not in errors
    assert SECRET not in errors
