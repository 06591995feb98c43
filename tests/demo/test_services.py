"""The demo as a whole: both services, with the secrets of the environment."""

import pytest

from gateway.demo.services import running_demo, signing_secret
from tests.demo.talk import KEY, LOGIN, SECRET, post, send


async def test_both_listen_on_loopback_with_the_secrets_of_the_environment() -> None:
    env = {"JWT_SECRET": SECRET, "TOOLKIT_API_KEY": KEY, "EXPO_PUBLIC_TOOLKIT_URL": "http://127.0.0.1:9"}
    async with running_demo(env, 0, 0) as (tutor, toolkit):
        assert tutor.url.startswith("http://127.0.0.1:")
        assert tutor.toolkit == "http://127.0.0.1:9"
        assert (await post(tutor, "/api/trpc/auth.login", LOGIN))[0] == 200
        assert (await send(toolkit.url, "POST /text/llm/ HTTP/1.1\r\nauthorization: Bearer other"))[0] == 401
        assert (await send(toolkit.url, f"POST /text/llm/ HTTP/1.1\r\nauthorization: Bearer {KEY}"))[0] == 200


@pytest.mark.parametrize(
    ("env", "sentence"), [({}, "JWT_SECRET is not set"), ({"JWT_SECRET": "short"}, "JWT_SECRET has 5 characters")]
)
async def test_a_bad_secret_is_a_sentence(env: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        signing_secret(env)
    with pytest.raises(ValueError, match=sentence):
        async with running_demo(env, 0, 0):
            raise AssertionError("it must not start")
