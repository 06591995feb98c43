"""The ends of a dry run."""

from gateway.review.dry_run.clock import DryClock, dry_loop
from gateway.review.dry_run.response import ScriptedResponse
from gateway.review.dry_run.wire import PIECE, DryTransport, ScriptedUpstreams


def test_what_arrives_waits_while_nobody_reads() -> None:
    loop, seen = dry_loop(DryClock(0.0)), []
    transport = DryTransport(loop, lambda data: (seen.append(len(data)), transport.pause_reading())[0])
    transport.arrive(bytes(PIECE + 1))
    assert seen == [PIECE]
    transport.resume_reading()
    with loop.running():
        loop.catch_up()
    assert seen == [PIECE, 1]
    transport.write(b"a")
    transport.close()
    transport.write(b"b")
    assert (bytes(transport.written), transport.is_closing()) == (b"a", True)


def test_the_response_is_that_of_the_upstream_of_the_route() -> None:
    upstreams = ScriptedUpstreams(lambda: "own")
    upstreams.begin(ScriptedResponse(500), {"other": ScriptedResponse(404, {"Date": "x"})})
    assert [upstreams.script(name).status for name in ("own", "other", "third")] == [500, 404, 200]
    assert upstreams.dated
