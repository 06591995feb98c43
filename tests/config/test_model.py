"""What the entry file may say, and what it means when it says nothing."""

from __future__ import annotations

import pickle

import pytest
from pydantic import ValidationError

from gateway.config.listen_settings import Listen
from gateway.config.model import Config, Entry, HeaderEdits, Ops, Route, State, Trpc, UpstreamSettings
from gateway.core.secret import Secret

ENDPOINT = {"url": "http://127.0.0.1:8787"}


def test_an_empty_entry_file_listens_with_one_worker_and_forwards_nothing() -> None:
    entry = Entry(version=1)
    assert (entry.listen.port, entry.listen.workers, entry.ops.host) == (8080, 1, "127.0.0.1")
    assert (entry.upstreams, entry.routes, entry.environment) == ({}, (), "development")


@pytest.mark.parametrize(
    ("written", "names"), [("one", ("one",)), (["one", "two"], ("one", "two")), (None, ()), ([], ())]
)
def test_an_upstream_names_one_fallback_or_several(written: object, names: tuple[str, ...]) -> None:
    assert UpstreamSettings.model_validate({"endpoints": [ENDPOINT], "fallback": written}).fallback == names


def test_an_upstream_has_an_endpoint() -> None:
    with pytest.raises(ValidationError):
        UpstreamSettings.model_validate({"endpoints": []})


def test_a_header_is_set_once_whatever_its_case() -> None:
    assert HeaderEdits.model_validate({"set": {"X-Key": "a"}}).set["x-key"].reveal() == "a"
    with pytest.raises(ValidationError, match="names one header twice"):
        HeaderEdits.model_validate({"set": {"X-Key": "a", "x-key": "b"}})


def test_an_empty_secret_is_none() -> None:
    assert Ops.model_validate({"token": ""}).token is None
    assert State.model_validate({"redis": "", "key": ""}).redis is None


def test_calls_of_a_batch_are_bounded_unless_written() -> None:
    assert Trpc.model_validate({"prefix": "/api/trpc"}).max_batch == 10


def test_nothing_can_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        Listen().port = 1  # type: ignore[misc]  # that it is refused is the test
    with pytest.raises(AttributeError):
        Config().digest = "a"  # type: ignore[misc]  # that it is refused is the test


def test_a_configuration_reaches_a_worker_whole() -> None:
    config = Config(routes=(Route("any", policies={"rate_limits": ("a",)}),))
    assert pickle.loads(pickle.dumps(config)) == config


def test_a_configuration_shows_no_secret() -> None:
    config = Config(ops=Ops.model_validate({"token": "a-token-of-operators"}))
    assert isinstance(config.ops.token, Secret)
    assert "a-token-of-operators" not in repr(config)
