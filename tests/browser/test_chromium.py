"""A real browser before a real gateway: what pages of other websites reach, and what the browser says of what is refused.

Slow, since each page is a process: ``make test-slow``, which brings Chromium. ``tests/policy/test_cors.py`` has the fields that
were seen here.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator

import pytest

from tests.gateway_fixture import Running, running_gateway
from tests.upstream_fixture import Upstream, running_upstream

pytestmark = pytest.mark.slow

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams: {api: {endpoints: [{url: "URL"}]}}
defaults: {cors: app, auth: public}
routes:
  - {name: open, paths: [/open/*], methods: [GET, POST], upstream: api}
  - {name: pages, paths: [/pages/*], upstream: api, cors: pages}
"""
POLICIES = """\
cors:
  app: {origins: ["ORIGIN"], request_headers: [content-type, authorization]}
  pages: {origins: ["ORIGIN"], cross_site: navigate}
"""
PAGE = """<!doctype html><link rel=icon href="data:,"><img src="G/open/img"><iframe src="G/open/frame"></iframe>
<script src="G/open/script"></script><iframe name=f></iframe><form target=f action="G/open/form"><input name=a></form>
<script>
document.forms[0].submit();
const say = (name, asked) => asked.then((got) => console.log(name, got.status), (error) => console.log(name, "failed"));
say("plain", fetch("G/open/fetch?" + new URLSearchParams({text: "two\\nlines\\t100%"})));
say("no-cors", fetch("G/open/no-cors", {mode: "no-cors"}));
say("header", fetch("G/open/header", {headers: {authorization: "x", "x-extra": "1", "content-type": "application/json"}}));
say("method", fetch("G/open/method", {method: "PUT"}));
say("unknown", fetch("G/nothing"));
</script>"""
LINK = '<!doctype html><script>location.href = "G/WHERE"</script>'


class Browser:
    """``foreign`` and ``own`` are two websites with the same pages, of which the gateway knows the second one."""

    def __init__(self, gateway: Running, upstream: Upstream, port: int) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self.foreign = f"http://127.0.0.1:{port}"
        self.own = f"http://localhost:{port}"

    async def open(self, address: str) -> tuple[dict[str, str], list[str], str]:
        """Reason by path, the paths that reached the upstream, and what the console says."""
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        assert chromium is not None, "chromium is not installed; scripts/setup --slow brings it"
        exchanges, requests = len(self.gateway.seen.exchanges), len(self.upstream.requests)
        process = await asyncio.create_subprocess_exec(
            chromium,
            *("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"),
            *("--virtual-time-budget=5000", address),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, console = await process.communicate()
        assert process.returncode == 0, console
        seen = {
            exchange.target.partition("?")[0]: exchange.reason for exchange in self.gateway.seen.exchanges[exchanges:]
        }
        passed = sorted(one.line.decode().split(" ")[1] for one in self.upstream.requests[requests:])
        return seen, passed, console.decode()


@contextlib.asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    pages: dict[str, str] = {}

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError), contextlib.closing(writer):
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
            body = pages.get(path, "").encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()

    website = await asyncio.start_server(page, "127.0.0.1", 0)
    port = website.sockets[0].getsockname()[1]
    policies = POLICIES.replace("ORIGIN", f"http://localhost:{port}")
    async with (
        website,
        running_upstream() as upstream,
        running_gateway(ENTRY.replace("URL", upstream.url), policies=policies) as gateway,
    ):
        here = f"http://localhost:{gateway.port}"
        pages["/page"] = PAGE.replace("G/", f"{here}/")
        for where in ("open", "pages"):
            pages[f"/to-{where}"] = LINK.replace("G/WHERE", f"{here}/{where}/linked")
        yield Browser(gateway, upstream, port)


async def test_nothing_of_a_foreign_page_reaches_the_upstream() -> None:
    async with browsing() as browser:
        seen, passed, console = await browser.open(f"{browser.foreign}/page")
        assert passed == []
        embedded = ["/open/img", "/open/frame", "/open/script", "/open/form", "/open/no-cors"]
        asked = ["/open/fetch", "/open/header", "/open/method", "/nothing"]
        assert seen == dict.fromkeys(embedded, "cross_site_refused") | dict.fromkeys(asked, "origin_refused")
        assert console.count("No 'Access-Control-Allow-Origin' header is present") == 4
        assert "HTTP ok status" not in console


async def test_a_page_of_the_app_may_do_all_of_it_and_the_browser_names_what_is_missing() -> None:
    async with browsing() as browser:
        seen, passed, console = await browser.open(f"{browser.own}/page")
        assert "/open/fetch?text=two%0Alines%09100%25" in passed
        embedded = {"/open/img", "/open/frame", "/open/script", "/open/no-cors"}
        assert embedded < set(passed) and len(passed) == len(embedded) + 2
        refused = {"/open/header": "preflight_refused", "/open/method": "preflight_refused", "/nothing": "no_route"}
        assert {path: reason for path, reason in seen.items() if reason} == refused
        assert "Request header field x-extra is not allowed by Access-Control-Allow-Headers" in console
        assert "Method PUT is not allowed by Access-Control-Allow-Methods" in console
        assert '"plain 200"' in console and '"unknown 404"' in console


async def test_links_of_a_foreign_page_open_only_what_may_be_linked() -> None:
    async with browsing() as browser:
        seen, passed, _ = await browser.open(f"{browser.foreign}/to-open")
        assert (seen["/open/linked"], passed) == ("cross_site_refused", [])
        seen, passed, _ = await browser.open(f"{browser.foreign}/to-pages")
        assert (seen["/pages/linked"], passed) == ("", ["/pages/linked"])
        seen, passed, _ = await browser.open(f"{browser.gateway.url.replace('127.0.0.1', 'localhost')}/open/typed")
        assert (seen["/open/typed"], passed) == ("", ["/open/typed"])
