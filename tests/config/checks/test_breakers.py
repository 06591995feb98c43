"""A breaker's ``ignore`` names routes that exist, and health checks end an open breaker only where there are some."""

import pytest

from tests.config.problems import Problems

UPSTREAM = '{endpoints: [{url: "http://127.0.0.1:1"}], breaker: careful'
ROUTE = "routes: [{name: upload, paths: [/upload], upstream: tutor, auth: public}]"


@pytest.mark.parametrize(
    ("breaker", "upstream", "problems"),
    [
        ("{}", "", []),
        ("{probe: health_check}", ", health_check: {path: /health}", []),
        ("{ignore: {upload: [503]}}", "", []),
        (
            "{probe: health_check}",
            "",
            ["upstreams.tutor.breaker names careful, which is tried by health checks, and there are none"],
        ),
        (
            "{ignore: {uplod: [503], upload: [503]}}",
            "",
            ["breakers.careful.ignore.uplod names uplod, which is not in routes"],
        ),
    ],
)
def test_breakers(problems_of: Problems, breaker: str, upstream: str, problems: list[str]) -> None:
    text = f"upstreams: {{tutor: {UPSTREAM}{upstream}}}}}\nbreakers: {{careful: {breaker}}}\n{ROUTE}"
    assert problems_of(text) == problems
