"""Traffic that a dry run serves, with the lines that the gateway's own log has of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.config.load import load
from gateway.config.model import Config
from gateway.ops.log import Log
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.outcome import Outcome
from gateway.review.dry_run.request import DryRequest
from gateway.review.dry_run.response import ScriptedResponse
from gateway.review.replay.recorded import Where
from gateway.review.replay.replay import Line, Replay
from gateway.review.replay.tally import Tally

NOON = 1_800_000_000.0
ROOT = Path(__file__).parents[3]
SECRET = "a-signing-secret-of-more-than-32-bytes"

ENV = {
    "JWT_SECRET": SECRET,
    "TOOLKIT_API_KEY": "a-key-of-the-service-that-is-long",
    "GATEWAY_OPS_TOKEN": "an-operators-token-of-more-than-32-bytes",
    "GATEWAY_STATE_KEY": "a-key-of-the-state-of-more-than-32-bytes",
    "STT_API_KEY": "a-key-of-speech-that-is-long-enough",
}


class Lines:
    """A sink of log lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.dropped = 0
        self.gap_line: Callable[[int], bytes] | None = None

    def write(self, line: bytes) -> None:
        self.lines += line.split(b"\n")


class Recording:
    """Serves ``config`` and keeps the log of it."""

    def __init__(self, config: Config, at: float = NOON) -> None:
        self.dry_run = DryRun(config, at=at)
        self.sink = Lines()
        self._log = Log(self.sink, b"k" * 32, self.dry_run.clock.wall, worker=0)  # type: ignore[arg-type]  # for a Sink
        self._egress = self._log.bind(listener="egress")
        self._log.serve(config.digest[:12])

    def run(self, request: DryRequest, response: ScriptedResponse | None = None) -> Outcome:
        began = self.dry_run.clock.wall()
        outcome = self.dry_run.run(request, response)
        exchange = self.dry_run._listeners[request.listener].seen.exchange
        if exchange is not None:
            log = self._egress if request.listener == "egress" else self._log
            log.access(exchange, self.dry_run.clock.wall() - began)
            self._log.renew_limited()
        return outcome

    def pass_time(self, seconds: float) -> None:
        self.dry_run.clock.advance(seconds)


def replayed(lines: Sequence[bytes], old: Config, new: Config) -> Tally:
    replay = Replay(old, new)
    replay.read(Line(Where(1, number), octets) for number, octets in enumerate(lines, 1))
    replay.end()
    return replay.tally


def loaded(path: Path) -> Config:
    config = load(path, ENV)
    assert isinstance(config, Config), "\n".join(str(problem) for problem in config)
    return config


def made(folder: Path, files: dict[str, str]) -> Config:
    """The configuration of ``files``, by their names."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return loaded(folder / "upstreams.yaml")


def fields(lines: Sequence[bytes]) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines]
