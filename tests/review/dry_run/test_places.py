"""Where the settings of a stage are written."""

from pathlib import Path

from gateway.review.dry_run.places import StagePlaces, path_of
from tests.review.dry_run.configs import made


def test_a_policy_is_where_its_settings_begin_and_a_default_is_nowhere(tmp_path: Path) -> None:
    places = StagePlaces(made(tmp_path))
    assert places.of("auth", "token") == f"{tmp_path}/upstreams.yaml:5"
    assert places.of("rate_limit", "two") == f"{tmp_path}/upstreams.yaml:7"
    assert places.of("identity", "") == places.of("buffer", "") == places.of("in_flight", "") == ""


def test_the_path_of_each_kind() -> None:
    assert path_of("lockout", "accounts") == "lockouts.accounts"
    assert path_of("concurrency", "tutor") == "upstreams.tutor.concurrency"
    assert path_of("client", "") == "listen.trusted_proxies"
