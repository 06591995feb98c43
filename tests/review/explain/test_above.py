"""Why not the routes above."""

from pathlib import Path

from gateway.config.model import Config
from gateway.review.explain.above import RoutedBy, above
from tests.review.dry_run.configs import made

ENTRY = """\
version: 1
listen: {egress: {port: 0}}
upstreams:
  tutor: {endpoints: [{url: "http://127.0.0.1:1"}], trpc: {prefix: /api/trpc, aliases: {auth.signin: auth.login}}}
  other: {endpoints: [{url: "http://127.0.0.1:2"}], trpc: {prefix: /other}}
  service: {endpoints: [{url: "http://127.0.0.1:3"}]}
defaults: {auth: public}
routes:
  - {name: foreign, procedures: [auth.login], upstream: other}
  - {name: out, listener: egress, paths: [/a], upstream: service}
  - {name: many, procedures: [a.a, a.b, a.c, a.d, a.e], upstream: tutor}
  - {name: post, paths: [/a], methods: [POST], upstream: tutor}
  - {name: login, procedures: [auth.login], upstream: tutor}
  - {name: files, paths: [/f/*], upstream: tutor}
  - {name: get, paths: [/a], upstream: tutor}
"""


def parts(config: Config, taken: str, method: str, path: str, query: str = "") -> dict[str, str]:
    return {one.route: one.part for one in above(config, RoutedBy("public", method, path, query), [taken])}


def test_each_route_above_says_which_part_of_it_did_not_match(tmp_path: Path) -> None:
    config = made(tmp_path, ENTRY)
    assert parts(config, "get", "GET", "/a") == {
        "foreign": "path", "out": "listener", "many": "path", "post": "method", "login": "path", "files": "path",
    }  # fmt: skip
    assert parts(config, "login", "GET", "/api/trpc/auth.signin") == {
        "foreign": "upstream", "out": "listener", "many": "procedure", "post": "path",
    }  # fmt: skip
    assert parts(config, "foreign", "GET", "/other/auth.login") == {}


def test_a_request_that_no_route_takes_has_all_of_them_above(tmp_path: Path) -> None:
    found = parts(made(tmp_path, ENTRY), "unmatched", "PUT", "/a")
    assert len(found) == 7
    assert {route for route, part in found.items() if part == "method"} == {"post", "get"}


def test_a_route_that_takes_the_call_and_not_the_method_says_so(tmp_path: Path) -> None:
    config = made(
        tmp_path, ENTRY.replace("[auth.login], upstream: tutor", "[auth.login], methods: [POST], upstream: tutor")
    )
    assert parts(config, "login", "GET", "/api/trpc/auth.login")["login"] == "method"
    assert "login" not in parts(config, "login", "POST", "/api/trpc/auth.login")


def test_a_route_of_the_other_listener_is_close_only_where_its_path_is_that_of_the_request(tmp_path: Path) -> None:
    config = made(tmp_path, ENTRY)
    assert (parts(config, "", "GET", "/a")["out"], parts(config, "", "GET", "/b")["out"]) == ("listener", "path")


def test_a_sentence_names_a_few_patterns_and_where_the_route_is(tmp_path: Path) -> None:
    found = above(made(tmp_path, ENTRY), RoutedBy("public", "GET", "/api/trpc/x,y", "batch=1"), [])
    many = next(one for one in found if one.route == "many")
    assert (many.why, many.where) == ("it takes a.a, a.b, a.c, a.d, and 1 more", f"{tmp_path}/upstreams.yaml:11")
