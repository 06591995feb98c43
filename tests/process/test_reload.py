"""Reloads: a bad file changes nothing, all workers follow or none, and the ones left behind catch up."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path

from gateway.config.files_read import FilesRead
from gateway.config.load import load
from gateway.config.model import Config
from gateway.config.problem import Problem
from gateway.process.reload import Reloader
from tests.certificate_files import issue
from tests.eventually import eventually
from tests.process.configs import written
from tests.process.reloading import Child, Given


async def test_all_workers_follow(given: Given) -> None:
    given.children += [Child(given.before), Child(given.before)]
    assert await given.reload()
    assert given.reloader.config is given.after
    assert [child.digest for child in given.children] == [given.after.digest] * 2
    assert not given.reloader.must_catch_up()
    assert [(line["event"], line.get("digest")) for line in given.events()] == [("reloaded", given.after.digest)]
    assert b'gateway_config_reloads_total{result="good"} 1.0' in given.metrics.exposition()


async def test_a_bad_file_changes_nothing(given: Given) -> None:
    given.children.append(Child(given.before))
    given.files = [Problem("upstreams.yaml", 3, 1, "routes", "is wrong " + "x" * 600, "")] * 30
    assert not await given.reload()
    assert given.reloader.config is given.before
    assert given.children[0].orders == []
    (line,) = given.events()
    assert (line["event"], len(line["problems"]), max(map(len, line["problems"]))) == ("reload_refused", 20, 512)
    assert b'gateway_config_reloads_total{result="bad"} 1.0' in given.metrics.exposition()


async def test_a_certificate_that_cannot_be_used_changes_nothing(given: Given, tmp_path: Path) -> None:
    issue(tmp_path, "first")
    given.files = written(tmp_path, **{"drain: 5s": "drain: 5s, tls: {cert: cert.pem, key: key.pem}"})
    (tmp_path / "key.pem").write_text("no key")  # since the files were checked
    given.children.append(Child(given.before))
    assert not await given.reload()
    assert (given.reloader.config, given.children[0].orders) == (given.before, [])
    (line,) = given.events()
    assert (line["event"], line["problems"][0][:11]) == ("reload_refused", "listen.tls.")


async def test_a_worker_that_started_while_others_got_new_certificates_gets_them_under_the_same_files(
    given: Given, tmp_path: Path
) -> None:
    issue(tmp_path, "first")
    given.files = written(tmp_path, **{"drain: 5s": "drain: 5s, tls: {cert: cert.pem, key: key.pem}"})
    given.begin_with(given.files)
    late = Child(given.before)
    given.children += [Child(given.before), late]
    assert await given.reload()
    late.ready = False
    first = given.reloader.certificates
    issue(tmp_path, "second")
    assert await given.reload()
    assert given.reloader.certificates != first
    late.ready = True
    assert given.reloader.must_catch_up()
    await given.reloader.catch_up()
    assert late.orders == [given.files.digest] * 3
    assert not given.reloader.must_catch_up()


async def test_when_one_cannot_follow_none_serves_it_for_a_moment(given: Given) -> None:
    given.children += [Child(given.before), Child(given.before, "OSError: no such certificate")]
    assert not await given.reload()
    assert given.reloader.config is given.before
    assert [child.orders for child in given.children] == [[given.after.digest]] * 2
    assert [child.swaps for child in given.children] == [[False]] * 2, "what was built is dropped"
    assert given.children[0].digest == given.before.digest
    (line,) = given.events()
    assert (line["event"], line["why"]) == ("reload_failed", "OSError: no such certificate")


async def test_one_that_cannot_swap_is_replaced_by_one_that_starts_with_it(given: Given) -> None:
    given.children += [Child(given.before), Child(given.before)]
    given.children[1].why_not_swap = "OSError: no descriptor"
    assert await given.reload()
    assert given.reloader.config is given.after
    assert [(child.swaps, child.ended) for child in given.children] == [([True], False), ([True], True)]


async def test_a_process_that_begins_to_take_requests_while_others_build_is_left_to_catch_up(given: Given) -> None:
    building, starting, dying = (Child(given.before) for _ in range(3))
    starting.ready = False
    building.let_go.clear()
    given.children += [building, starting, dying]
    reloading = asyncio.create_task(given.reload())
    await eventually(lambda: building.orders)
    starting.ready = True
    dying.pid = 2  # the process after it
    for child in (starting, dying):
        child.why_not_swap = "nothing was built"
    building.let_go.set()
    assert await reloading
    assert [child.swaps for child in given.children] == [[True], [], []]
    assert not any(child.ended for child in given.children), "it may have requests"
    for child in (starting, dying):
        child.why_not_swap = ""
    assert given.reloader.must_catch_up()
    await given.reloader.catch_up()
    assert {child.digest for child in given.children} == {given.after.digest}


async def test_a_worker_that_started_meanwhile_catches_up_or_is_replaced(given: Given) -> None:
    late, ill, starting = Child(given.before), Child(given.before, "cannot"), Child(given.before)
    starting.ready = False
    assert await given.reload()
    given.children += [late, ill, starting]
    assert given.reloader.must_catch_up()
    await given.reloader.catch_up()
    assert (late.digest, late.ended) == (given.after.digest, False)
    assert ill.ended, "the process after it starts with the right configuration"
    assert starting.orders == []


async def test_while_a_reload_goes_on_nobody_has_to_catch_up(given: Given) -> None:
    child = Child(given.before)
    child.let_go.clear()
    given.children.append(child)
    reloading = asyncio.create_task(given.reload())
    await eventually(lambda: child.orders)
    child.digest = "another"
    assert not given.reloader.must_catch_up()
    child.let_go.set()
    assert await reloading


async def test_they_are_in_the_log(given: Given, tmp_path: Path) -> None:
    given.files = written(tmp_path, **{"path: state": "path: other"})
    assert await given.reload()
    assert [line.get("settings") for line in given.events()] == [None, ["state"]]


async def test_what_waits_for_a_restart_is_compared_with_what_runs_and_not_with_the_last_file(
    given: Given, tmp_path: Path
) -> None:
    given.files = written(tmp_path, **{"path: state": "path: other"})
    assert await given.reload()
    assert given.reloader.pending == ["state"]
    assert given.reloader.config.state == given.before.state, "a worker that is replaced now uses what the others use"
    assert given.reloader.config.digest == given.before.digest, "nothing has changed yet"
    assert b"gateway_config_needs_restart 1.0" in given.metrics.exposition()
    assert await given.reload()
    assert given.reloader.pending == ["state"], "the same file once more does not make it less"
    given.files = given.before
    assert await given.reload()
    assert given.reloader.pending == []
    assert b"gateway_config_needs_restart 0.0" in given.metrics.exposition()
    settings = [line["settings"] for line in given.events() if line["event"] == "reload_needs_restart"]
    assert settings == [["state"], ["state"]]


async def test_a_refusal_stays_until_a_reload_is_served(given: Given, tmp_path: Path) -> None:
    good = given.files
    given.files = [Problem("upstreams.yaml", 3, 1, "routes", "is wrong " + "x" * 600, "")] * 30
    assert not await given.reload()
    refused = given.reloader.refused
    assert refused is not None
    assert (len(refused.problems), max(map(len, refused.problems))) == (20, 512)
    assert b"gateway_config_refused 1.0" in given.metrics.exposition()
    given.files = good
    assert await given.reload()
    assert given.reloader.refused is None
    assert b"gateway_config_refused 0.0" in given.metrics.exposition()


async def test_a_worker_that_cannot_follow_is_a_refusal_too_and_what_was_pending_stays(
    given: Given, tmp_path: Path
) -> None:
    given.files = written(tmp_path, **{"path: state": "path: other"})
    assert await given.reload()
    given.children += [Child(given.before, "ValueError: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln is no key")]
    assert not await given.reload()
    assert given.reloader.refused is not None
    assert given.reloader.refused.problems == ("ValueError: <secret> is no key",)
    assert given.reloader.pending == ["state"]


async def test_tls_that_is_turned_on_or_off_waits_for_the_restart(given: Given, tmp_path: Path) -> None:
    issue(tmp_path, "first")
    with_tls = written(tmp_path, **{"drain: 5s": "drain: 5s, tls: {cert: cert.pem, key: key.pem}"})
    given.files = with_tls
    assert await given.reload()
    assert (given.reloader.certificates, given.reloader.pending) == (None, ["listen.tls"])
    given.begin_with(with_tls)
    assert await given.reload()
    first = given.reloader.certificates
    assert first is not None
    given.files = written(tmp_path)
    (tmp_path / "key.pem").unlink()
    assert await given.reload()
    assert given.reloader.certificates is first
    assert (given.reloader.config.listen.tls, given.reloader.pending) == (with_tls.listen.tls, ["listen.tls"])


SCHEMAS = """\
version: 1
upstreams: {tutor: {endpoints: [{url: "http://127.0.0.1:1"}], trpc: {prefix: /api/trpc}}}
bodies: {json: {max: 64KiB, types: [application/json]}}
schemas: {inputs: {files: inputs/*.json}}
routes: [{name: login, procedures: [auth.login], upstream: tutor, auth: public, body: json, schema: inputs}]
"""


async def test_schema_files_are_read_again_and_a_broken_one_changes_nothing(given: Given, tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    (folder / "inputs").mkdir(parents=True)
    (folder / "upstreams.yaml").write_text(SCHEMAS)
    schema = folder / "inputs" / "auth.login.json"
    schema.write_text("true")

    def read(_: FilesRead) -> Config | list[Problem]:
        return load(folder / "upstreams.yaml", {})

    before = read(FilesRead())
    assert isinstance(before, Config)
    reloader = Reloader(before, read, [])
    schema.write_text('{"type":\n "strin"}')
    assert not (await reloader.reload(given.metrics, given.log)).served
    assert reloader.config is before
    assert reloader.refused is not None
    (problem,) = reloader.refused.problems
    assert f"{schema}:1:2" in problem and "is no type" in problem
    schema.write_text('{"type": "object"}')
    assert (await reloader.reload(given.metrics, given.log)).served
    assert reloader.config.digest != before.digest
    served = pickle.loads(pickle.dumps(reloader.config.served()))  # as workers get it
    assert served.policies["schemas"]["inputs"].files.contents == {"auth.login": schema.read_bytes()}
