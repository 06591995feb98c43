"""Hostile files on the wire: none reaches the upstream whole, each is refused by name and at once, and no breaker counts it."""

from __future__ import annotations

import json
from time import process_time

from gateway.policy.upload.signatures import KNOWN_TYPES
from tests.gateway_fixture import POLICIES, running_gateway
from tests.policy.upload.forms import BOUNDARY, content_type, file, form
from tests.policy.upload.hostile_files import HOSTILE
from tests.policy.upload.made_files import GOOD
from tests.upstream_fixture import Response, running_upstream, wire

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams: {{speech: {{endpoints: [{{url: "{url}"}}], breaker: once}}}}
routes:
  - {{name: files, paths: [/files], methods: [POST], upstream: speech, auth: public, body: any, upload: any}}
"""
UPLOADS = f"""\
breakers:
  once: {{failures: 1, recover_after: 60s}}
uploads:
  any: {{parts: {{file: {{types: [{", ".join(sorted(KNOWN_TYPES))}], max: 1MB, required: true}}}}}}
"""
WITH_ANY_BODY = POLICIES.replace("bodies:\n", "bodies:\n  any: {max: 2MB}\n")
END = b"--" + BOUNDARY + b"--"


async def answered(port: int, body: bytes) -> Response:
    async with wire(port) as client:
        head = b"POST /files HTTP/1.1\r\nhost: a\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
        return await client.ask(head % (content_type(), len(body)) + body)


async def test_no_hostile_file_passes_and_each_refusal_says_why() -> None:
    async with (
        running_upstream() as upstream,
        running_gateway(ENTRY.format(url=upstream.url), policies=WITH_ANY_BODY + UPLOADS) as gateway,
    ):
        for name, (declared, octets, reason) in HOSTILE.items():
            began = process_time()
            response = await answered(gateway.port, form(file(octets, declared.encode() or b"text/plain", b"file")))
            assert process_time() - began < 0.5, name
            problem = json.loads(response.body)
            assert (problem["reason"], response.status) == (reason, problem["status"]), name
            assert response.status in (400, 415) and problem["detail"].endswith("."), name
        good = form(file(GOOD["webm"], b"audio/webm", b"file"))
        assert (await answered(gateway.port, good)).status == 200  # no breaker has counted any of it
        assert [request.body for request in upstream.requests] == [good]
