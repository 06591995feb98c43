"""What a real browser's MediaRecorder sends reaches the upstream octet for octet, by the shipped policy for speech.

Slow, since the page is a process: ``make test-slow``, which brings Chromium.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from pathlib import Path

import pytest

from tests.gateway_fixture import POLICIES, running_gateway
from tests.upstream_fixture import running_upstream

pytestmark = pytest.mark.slow

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams: {{speech: {{endpoints: [{{url: "{url}"}}]}}}}
routes:
  - {{name: audio, paths: [/audio], methods: [POST], upstream: speech, auth: public, cors: page, body: any, upload: speech}}
"""
SHIPPED = (Path(__file__).parents[2] / "policies/uploads.yaml").read_text()
PAGE = """<!doctype html><link rel=icon href="data:,"><img src="/until-all-is-sent"><script>
const recorded = async (stream, type) => {
  const recorder = new MediaRecorder(stream, type ? {mimeType: type} : {});
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const stopped = new Promise((resolve) => recorder.onstop = resolve);
  recorder.start(100);
  await new Promise((resolve) => setTimeout(resolve, 500));
  recorder.stop();
  await stopped;
  return new Blob(parts, {type: recorder.mimeType});
};
(async () => {
  const stream = await navigator.mediaDevices.getUserMedia({audio: true});
  for (const type of ["", "audio/webm;codecs=opus", "audio/mp4"].filter((type) => !type || MediaRecorder.isTypeSupported(type))) {
    const form = new FormData();
    form.append("language", "es-MX");
    form.append("audio", await recorded(stream, type), "recording.webm");
    console.log("answer", (await fetch("GATEWAY/audio", {method: "POST", body: form})).status);
  }
})().catch((error) => console.log("failed", error)).finally(() => fetch("/all-is-sent"));
</script>"""


class Website:
    """The page, and a picture that it waits for until it says that it has sent everything."""

    def __init__(self) -> None:
        self.page = ""
        self._sent = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
            if path == b"/all-is-sent":
                self._sent.set()
            elif path == b"/until-all-is-sent":
                await self._sent.wait()
            body = self.page.encode() if path == b"/page" else b""
            head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n"
            writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()


async def opened(address: str) -> str:
    """What the console says of a page that records with a device that beeps."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium is not None, "chromium is not installed; scripts/setup --slow brings it"
    process = await asyncio.create_subprocess_exec(
        chromium,
        *("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"),
        *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", address),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            _, console = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return console.decode()


async def test_recordings_of_a_browser_pass_by_the_shipped_policy() -> None:
    website = Website()
    server = await asyncio.start_server(website.serve, "127.0.0.1", 0)
    origin = f"http://localhost:{server.sockets[0].getsockname()[1]}"
    policies = POLICIES.replace("cors:\n", f'cors:\n  page: {{origins: ["{origin}"]}}\n')
    policies = policies.replace("bodies:\n", "bodies:\n  any: {max: 2MB}\n") + SHIPPED
    async with (
        server,
        running_upstream() as upstream,
        running_gateway(ENTRY.format(url=upstream.url), policies=policies) as gateway,
    ):
        website.page = PAGE.replace("GATEWAY", f"http://localhost:{gateway.port}")
        console = await opened(f"{origin}/page")
        reasons = gateway.seen.reasons
        received = [request.body for request in upstream.requests]
    assert console.count('"answer 200"') == len(received) >= 2, console
    assert set(reasons) == {""} and '"failed' not in console, console
    types = [re.search(rb'filename="recording.webm"\r\nContent-Type: ([^\r]+)\r\n\r\n', body) for body in received]
    names = [found[1] for found in types if found is not None]
    # without the codecs that it was sent with, which the backend takes for another type
    assert names[:2] == [b"audio/webm"] * 2 and set(names[2:]) <= {b"audio/mp4"}
    assert all(body.endswith(b"--\r\n") and b"\x1aE\xdf\xa3" in body for body in received[:2])
