"""The tutor's call to the AI service, and what it makes of a service that fails."""

import json

import pytest

from gateway.demo.assistant import complete
from gateway.demo.envelope import ProcedureError
from gateway.demo.toolkit import DemoToolkit
from gateway.demo.tutor import DemoTutor
from tests.demo.talk import SECRET, post, token
from tests.free_port import free_port


async def test_the_text_is_the_services() -> None:
    async with DemoToolkit() as toolkit:
        with pytest.raises(ProcedureError):
            await complete(toolkit.url)  # it sends no key of its own: the gateway adds that
        assert toolkit.heads[0][:2] == ("POST", "/text/llm/")


@pytest.mark.parametrize("mode", ["fail", "busy", "reset", "cut", "short", "garbage"])
async def test_a_service_that_fails_is_a_503(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with DemoToolkit() as toolkit:
        monkeypatch.setattr(toolkit, "_admits", lambda _: True)
        assert (await complete(toolkit.url)).startswith("Hola")
        toolkit.set_mode(mode)
        with pytest.raises(ProcedureError, match="AI service unavailable") as failed:
            await complete(toolkit.url)
        assert failed.value.status == 503


async def test_a_service_that_is_not_there_is_a_503() -> None:
    with pytest.raises(ProcedureError, match="AI service unavailable"):
        await complete(f"http://127.0.0.1:{free_port()}")


async def test_a_chat_has_the_words_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = {"json": {"message": "Hola", "language": "es"}}
    async with DemoToolkit() as toolkit, DemoTutor(SECRET, toolkit=toolkit.url) as tutor:
        monkeypatch.setattr(toolkit, "_admits", lambda _: True)
        bearer = f"\r\nauthorization: Bearer {await token(tutor)}"
        status, response = await post(tutor, "/api/trpc/chat.sendMessage", chat, bearer)
        assert (status, response["result"]["data"]["json"]["response"]) == (200, "Hola. Soy la demostración.")
        toolkit.set_mode("fail")
        status, response = await post(tutor, "/api/trpc/chat.sendMessage", chat, bearer)
        assert (status, "AI service unavailable" in json.dumps(response)) == (503, True)
