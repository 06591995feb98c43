"""What a sound configuration becomes."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.config.cpus import available
from gateway.config.drain import DrainTimes
from gateway.config.load import load
from gateway.config.model import Config
from gateway.policy.base.settings import Policy

CASES = Path(__file__).parent / "cases"
SECRET = "uG7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6a"


class Anything(Policy):
    """A kind of policy that a test hands in."""

    size: int = 0


def written(folder: Path, text: str, env: dict[str, str] | None = None) -> Config:
    (folder / "upstreams.yaml").write_text("version: 1\n" + text)
    loaded = load(folder / "upstreams.yaml", env or {}, {"auth": Anything})
    assert isinstance(loaded, Config), loaded
    return loaded


@pytest.fixture(scope="module")
def design() -> Config:
    env = {"JWT_SECRET": SECRET, "GATEWAY_OPS_TOKEN": "t0ken", "TOOLKIT_API_KEY": "tk-41f0"}
    loaded = load(
        CASES / "good_design" / "upstreams.yaml", env | {"CORS_ORIGINS": "http://localhost:8081, ,http://b:1,"}
    )
    assert isinstance(loaded, Config), loaded
    return loaded


def test_the_listener_has_real_values(design: Config) -> None:
    assert design.listen.workers == available().workers
    assert design.listen.limits.header_bytes == 16 * 1024
    assert (design.listen.limits.header_timeout, design.listen.limits.keepalive) == (10.0, 75.0)
    assert design.listen.tls is None
    assert design.listen.drain == DrainTimes(announce=5.0, finish=20.0)


def test_an_empty_variable_is_like_nothing_written(design: Config) -> None:
    assert design.state.redis is None
    assert design.state.key is None


def test_relative_files_start_at_the_entry_file(design: Config) -> None:
    assert design.state.path == CASES / "good_design" / "var/state"


def test_upstreams(design: Config) -> None:
    tutor = design.upstreams["tutor"]
    assert [(e.scheme, e.host, e.port) for e in tutor.endpoints] == [("http", "127.0.0.1", 8787)]
    assert tutor.timeouts.model_dump() == {"connect": 2.0, "response": 14.0, "body": 60.0, "idle": 4.0, "total": None}
    assert tutor.trpc is not None and tutor.trpc.aliases == {"auth.signin": "auth.login", "auth.logout": "auth.signout"}
    assert design.upstreams["toolkit"].request_headers.set["authorization"].reveal() == "Bearer tk-41f0"


def test_routes_take_the_defaults_for_what_they_do_not_say(design: Config) -> None:
    login, api, transcribe, reset = design.routes
    assert login.policies == {
        "response_headers": ("secure",),
        "cors": ("app",),
        "rate_limits": ("login-per-address", "login-per-account"),
        "auth": (),
        "bodies": ("json",),
        "schemas": (),
        "uploads": (),
        "lockouts": (),
    }
    assert (api.policies["auth"], api.policies["rate_limits"]) == (("access-token",), ("per-client",))
    assert api.methods == ("GET", "POST")
    assert (transcribe.methods, transcribe.rewrite) == (("POST",), "/stt/transcribe/")
    assert transcribe.policies["bodies"] == ("audio",)
    assert reset.upstream is None and reset.deny and reset.deny.startswith("takes any six")


def test_a_comma_list_from_the_environment_becomes_list_items(design: Config) -> None:
    origins = design.policies["cors"]["app"].origins  # type: ignore[attr-defined]  # of the cors settings
    assert origins[2:] == ("http://localhost:8081", "http://b:1")


def test_only_a_lone_reference_is_split(tmp_path: Path) -> None:
    loaded = written(
        tmp_path,
        'routes: [{name: a, paths: ["/x${A}", "${B}", "/b,c"], deny: "no", auth: public}]',
        {"A": "y,z", "B": "/one,/two"},
    )
    assert loaded.routes[0].paths == ("/xy,z", "/one", "/two", "/b,c")


def test_what_a_variable_holds_is_not_searched_again(tmp_path: Path) -> None:
    loaded = written(tmp_path, 'ops: {token: "${A}$${B}"}\nroutes: []', {"A": "${B}", "B": "b"})
    assert loaded.ops.token is not None and loaded.ops.token.reveal() == "${B}${B}"


def test_a_secret_of_digits_stays_a_text(tmp_path: Path) -> None:
    loaded = written(
        tmp_path, "ops: {token: ${A}}\nroutes: []".replace("{token: ${A}}", "\n  token: ${A}"), {"A": "0123"}
    )
    assert loaded.ops.token is not None and loaded.ops.token.reveal() == "0123"


def test_a_file_loses_its_last_line_end_only(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a\nb\n\n")
    loaded = written(tmp_path, 'routes: [{name: a, paths: [/a], deny: "${file:token}", auth: public}]')
    assert loaded.routes[0].deny == "a\nb\n"


def test_numbers_from_the_environment(tmp_path: Path) -> None:
    text = "listen:\n  port: ${PORT}\n  workers: ${WORKERS:-3}\n  trusted_proxies: ['${NETS}']\nroutes: []"
    loaded = written(tmp_path, text, {"PORT": "1234", "NETS": "10.0.0.0/8,::1"})
    assert (loaded.listen.port, loaded.listen.workers) == (1234, 3)
    assert loaded.listen.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1"))


def test_the_digest_covers_every_file(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    policy = tmp_path / "policies" / "auth.yaml"
    policy.write_text("auth: {a: {size: 1}}")
    text = "include: [policies/*.yaml]\nroutes: []"
    first = written(tmp_path, text)
    assert written(tmp_path, text).digest == first.digest
    assert first.files == (tmp_path / "upstreams.yaml", policy)
    policy.write_text("auth: {a: {size: 2}}")
    assert written(tmp_path, text).digest != first.digest
    assert len(first.digest) == 64


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("auth: {a: {size: 1}}")
    loaded = written(tmp_path, 'include: ["*.yaml", a.yaml, "**/a.yaml"]\nroutes: []')
    assert loaded.files == (tmp_path / "upstreams.yaml", tmp_path / "a.yaml")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    problems = load(tmp_path / "nothing.yaml", {}, {})
    assert isinstance(problems, list)
    assert [problem.sentence for problem in problems] == ["cannot be read (No such file or directory)"]


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "upstreams.yaml").write_text("#" * (1024 * 1024 + 1))
    problems = load(tmp_path / "upstreams.yaml", {}, {})
    assert isinstance(problems, list)
    assert [problem.sentence for problem in problems] == ["is larger than 1024 KiB"]
