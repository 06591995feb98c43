"""What phones, browsers and cameras really send, through the gateway: it passes, and arrives octet for octet.

Slow, since ffmpeg and sox make the files: ``make test-slow``, which brings them. ``tests/policy/upload`` has small files of the
same families, made by hand.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from gateway.policy.upload.file_judge import FileJudge
from gateway.policy.upload.signatures import FAMILIES, KNOWN_TYPES
from tests.gateway_fixture import POLICIES, running_gateway
from tests.policy.upload.forms import content_type, file, form
from tests.upstream_fixture import running_upstream, wire
from tests.wire.recorded_files import ONLY_AS_VIDEO, SENT_AS, recorded

pytestmark = pytest.mark.slow

SHIPPED = Path(__file__).parents[2] / "policies/uploads.yaml"
ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams: {{speech: {{endpoints: [{{url: "{url}"}}]}}}}
defaults: {{auth: public, body: any}}
routes:
  - {{name: audio, paths: [/audio], methods: [POST], upstream: speech, upload: speech}}
  - {{name: image, paths: [/image], methods: [POST], upstream: speech, upload: image}}
  - {{name: file, paths: [/file], methods: [POST], upstream: speech, upload: any}}
"""
ANY = f"  any: {{parts: {{file: {{types: [{', '.join(sorted(KNOWN_TYPES))}], max: 1MB, required: true}}}}}}\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return recorded(tmp_path_factory.mktemp("recorded"))


def sent_as(name: str) -> list[str]:
    types = SENT_AS[name.rpartition(".")[2]]
    return [declared for declared in types if name not in ONLY_AS_VIDEO or declared.startswith("video/")]


def judged(declared: str, octets: bytes, size: int) -> str:
    content = FileJudge(declared, KNOWN_TYPES)
    for start, end in pairwise([*range(0, len(octets), size), len(octets)]):
        if content.feed(octets[start:end]) is not None:
            break
    return "" if content.end() is None else f"{declared}: {content.detail}"


def test_every_file_is_of_the_types_that_it_is_sent_as_and_of_no_others(files: dict[str, bytes]) -> None:
    for name, octets in files.items():
        for declared in sent_as(name):
            for size in (1460, 65536):
                assert judged(declared, octets, size) == "", name
        if len(octets) < 20_000:
            assert judged(sent_as(name)[0], octets, 1) == "", name
        families = frozenset().union(*(FAMILIES[declared.partition(";")[0]] for declared in sent_as(name)))
        for declared in sorted(KNOWN_TYPES):
            if not FAMILIES[declared] & families:
                assert judged(declared, octets, 65536), (name, declared)
    for name in ONLY_AS_VIDEO:
        assert judged(f"audio/{name[-4:].strip('.')}", files[name], 65536)


def test_every_family_is_among_the_files_but_two(files: dict[str, bytes]) -> None:
    found = {family for name in files for declared in sent_as(name) for family in FAMILIES[declared.partition(";")[0]]}
    assert frozenset().union(*FAMILIES.values()) - found == {"matroska", "quicktime"}


def test_a_recording_that_says_how_long_it_is_does_not_pass_when_cut(files: dict[str, bytes]) -> None:
    for name in ("iphone.m4a", "faststart.mp4", "phone.wav", "firefox.ogg", "iphone.caf", "photo.jpg", "photo.png"):
        for part in (1, 2, 3):
            assert judged(sent_as(name)[0], files[name][: len(files[name]) * part // 4 + 1], 65536), name
    for name in ("photo.webp", "screen.gif", "animated.webp", "animated.gif"):
        assert judged(sent_as(name)[0], files[name][:-1], 65536), name


async def test_each_passes_through_the_gateway_and_arrives_octet_for_octet(files: dict[str, bytes]) -> None:
    """By a policy of all types unchanged; by the shipped ones with the type that the service knows it by."""
    shipped = yaml.safe_load(SHIPPED.read_text())["uploads"]
    taken = {part: shipped[policy]["parts"][part] for policy, part in (("speech", "audio"), ("image", "image"))}
    policies = POLICIES.replace("bodies:\n", "bodies:\n  any: {max: 2MB}\n") + SHIPPED.read_text() + ANY
    async with (
        running_upstream() as upstream,
        running_gateway(ENTRY.format(url=upstream.url), policies=policies) as gateway,
        wire(gateway.port) as client,
    ):
        passed = set()
        for name, octets in files.items():
            for declared in sent_as(name):
                for part in ("file", *taken):
                    known = taken.get(part, {"types": KNOWN_TYPES})
                    base = declared.partition(";")[0]
                    renamed = known.get("as", {}).get(base)
                    if renamed is None and base not in known["types"]:
                        continue
                    body = form(file(octets, declared.encode(), part.encode()))
                    head = f"POST /{part} HTTP/1.1\r\nhost: a\r\ncontent-length: {len(body)}\r\n".encode()
                    response = await client.ask(head + b"content-type: " + content_type() + b"\r\n\r\n" + body)
                    assert response.status == 200, (name, declared, part, response.body)
                    expected = body if renamed is None else body.replace(declared.encode(), renamed.encode(), 1)
                    assert upstream.requests.pop().body == expected, (name, declared, part)
                    passed.add((name, part))
        unknown = {"android.3gp", "sox.amr-nb", "seekable.flac", "streamed.flac", "sox.flac", *ONLY_AS_VIDEO}
        assert {name for name, part in passed if part != "file"} >= set(files) - unknown
