"""The language server that editors run for YAML, spoken to as an editor does: JSON-RPC over its standard streams."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SERVER = HERE / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"


class LanguageServer:
    """One server process, which an editor has opened the folder ``root`` with."""

    def __init__(self, process: asyncio.subprocess.Process, root: Path) -> None:
        self._process = process
        self._root = root
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._diagnosed: dict[str, asyncio.Future[list[dict[str, Any]]]] = {}
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, root: Path) -> LanguageServer:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            "node", SERVER, "--stdio", stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
        )
        server = cls(process, root)
        text = {"completion": {"completionItem": {"documentationFormat": ["markdown"]}}, "hover": {}}
        workspace = {"configuration": True}
        await server.request(
            "initialize",
            {
                "processId": None,
                "rootUri": root.as_uri(),
                "capabilities": {"textDocument": text, "workspace": workspace},
                "workspaceFolders": [{"uri": root.as_uri(), "name": "gateway"}],
            },
        )
        server._notify("initialized", {})
        return server

    async def stop(self) -> None:
        await self.request("shutdown", None)
        self._notify("exit", None)
        await self._process.wait()
        await self._listening

    def open(self, name: str, text: str) -> asyncio.Future[list[dict[str, Any]]]:
        """Open the file ``name``, for the first time, with ``text`` in it. What the server finds wrong with it comes later."""
        uri = (self._root / name).as_uri()
        self._diagnosed[uri] = asyncio.get_running_loop().create_future()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._notify("textDocument/didOpen", {"textDocument": document})
        return self._diagnosed[uri]

    async def at(self, what: str, name: str, line: int, column: int) -> Any:
        """What the server says to ``textDocument/{what}`` at a point; lines and columns count from 0."""
        uri = (self._root / name).as_uri()
        position = {"line": line, "character": column}
        return await self.request(f"textDocument/{what}", {"textDocument": {"uri": uri}, "position": position})

    async def request(self, method: str, parameters: Any) -> Any:
        number = len(self._waiting)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        self._send({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(30):
            return await self._waiting[number]

    def _notify(self, method: str, parameters: Any) -> None:
        self._send({"method": method, "params": parameters})

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        octets = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(octets), octets))

    async def _listen(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        while head := await stdout.readline():
            length = int(head.partition(b":")[2])
            await stdout.readuntil(b"\r\n")
            self._receive(json.loads(await stdout.readexactly(length)))

    def _receive(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method is None:
            future = self._waiting[message["id"]]
            if "error" in message:
                future.set_exception(AssertionError(message["error"]))
            else:
                future.set_result(message["result"])
        elif method == "textDocument/publishDiagnostics":
            future = self._diagnosed[message["params"]["uri"]]
            if not future.done():
                future.set_result(message["params"]["diagnostics"])
        elif "id" in message:  # it asks the editor: for its settings, or to note something
            items = message["params"].get("items", []) if method == "workspace/configuration" else None
            result = items and [self._setting(item.get("section")) for item in items]
            self._send({"id": message["id"], "result": result})

    @staticmethod
    def _setting(section: str | None) -> Any:
        # No catalogue of schemas from the network: a file says itself which schema is its own.
        off = {"enable": False, "url": ""}
        return {"completion": True, "hover": True, "validate": True, "schemaStore": off} if section == "yaml" else {}
