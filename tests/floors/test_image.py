"""What the container image promises, read off its Dockerfile."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Instruction and argument of each logical line."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def last_stage(instructions: list[tuple[str, str]]) -> list[tuple[str, str]]:
    start = max(place for place, (word, _) in enumerate(instructions) if word == "FROM")
    return instructions[start:]


def test_has_two_stages_of_one_base(instructions: list[tuple[str, str]]) -> None:
    bases = [rest.split()[0] for word, rest in instructions if word == "FROM"]
    assert bases == ["python:3.13-slim"] * 2


def test_runs_as_a_numbered_user_that_is_not_root(instructions: list[tuple[str, str]]) -> None:
    user = [rest for word, rest in last_stage(instructions) if word == "USER"][-1]
    assert user == "10001:10001"


def test_asks_whether_it_is_ready_without_a_shell_or_a_tool(instructions: list[tuple[str, str]]) -> None:
    check = next(rest for word, rest in instructions if word == "HEALTHCHECK")
    assert "/health/ready" in check
    assert 'CMD ["python", "-c"' in check


class Health(BaseHTTPRequestHandler):
    """A gateway that is ready, or not."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health/ready" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_asks_the_gateway_itself_whatever_proxy_the_container_is_given(
    instructions: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, status: int, code: int
) -> None:
    check = next(rest for word, rest in instructions if word == "HEALTHCHECK")
    _, *words = json.loads(check.partition("CMD ")[2])
    monkeypatch.setattr(Health, "status", status)
    with ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        asked = [word.replace("8080", str(server.server_port)) for word in words]
        environment = {**os.environ, "http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
        done = subprocess.run([sys.executable, *asked], env=environment, capture_output=True, timeout=10, check=False)
        server.shutdown()
    assert done.returncode == code, done.stderr


def test_the_state_is_on_a_volume_so_that_the_rest_can_be_read_only(instructions: list[tuple[str, str]]) -> None:
    words = dict(last_stage(instructions))
    assert words["VOLUME"] == words["WORKDIR"] + "/var"
    assert "path: var/state" in (ROOT / "upstreams.yaml").read_text()


def test_installs_only_what_is_locked(instructions: list[tuple[str, str]]) -> None:
    install = next(rest for word, rest in instructions if word == "RUN" and "pip install" in rest)
    assert "--require-hashes" in install
    assert "--only-binary :all:" in install


def test_is_started_without_a_shell_so_that_sigterm_reaches_it(instructions: list[tuple[str, str]]) -> None:
    words = dict(last_stage(instructions))
    assert words["ENTRYPOINT"].startswith("[")
    assert words["CMD"].startswith("[")
    assert words["STOPSIGNAL"] == "SIGTERM"


def test_no_secret_goes_into_the_image(instructions: list[tuple[str, str]]) -> None:
    everything = " ".join(rest for _, rest in instructions)
    assert not [word for word in ("JWT_SECRET", "TOOLKIT_API_KEY", "GATEWAY_OPS_TOKEN") if word in everything]
    assert (ROOT / ".dockerignore").read_text().splitlines()[0] == "*"


def test_any_user_can_run_it(instructions: list[tuple[str, str]]) -> None:
    """What is copied is readable for all, and the one folder that is written to is writable for all."""
    stage = last_stage(instructions)
    copied = [place for place, (word, _) in enumerate(stage) if word == "COPY"]
    place, made = next((place, rest) for place, (word, rest) in enumerate(stage) if "chmod" in rest)
    assert place > max(copied), "or a copy has the modes of where it came from"
    assert "chmod -R a+rX,go-w /etc/gateway" in made
    assert "chmod -R a+rX,go-w /opt/gateway" in [rest for word, rest in instructions if word == "RUN"][1]
    assert "-m 1777 /etc/gateway/var" in made and made.index("chmod") < made.index("install")
    words = dict(stage)
    assert "HOME" not in words["ENV"], "nothing depends on it"
    assert "--chown" not in " ".join(rest for _, rest in stage)
