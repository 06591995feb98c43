"""Bearer tokens with hostile signatures: without the secret no parser is reached, and no result differs from pyjwt's."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any, NoReturn

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.policy.auth.jws import JwsVerifier
from tests.policy.auth.tokens import SECRET, challenge, claims, part, policy, policy_with, present, signed, slug

DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def token(header: object, payload: object, signed_as: str, secret: str = SECRET) -> bytes:
    """A token that is signed as ``signed_as``, whatever its header says."""
    body = part(header) + b"." + part(payload)
    return body + b"." + part(hmac.new(secret.encode(), body, DIGESTS[signed_as]).digest())


def forbid_parsing(patch: pytest.MonkeyPatch) -> None:
    """Makes every parser of JSON fail the test."""

    def loads(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a token was parsed")

    patch.setattr(json, "loads", loads)


HOSTILE: list[Any] = [
    b"[" * 2000,
    b'{"alg":' * 200,
    b'{"alg":"HS256","alg":"none"}',
    {"alg": "none"},
    {"alg": "RS256"},
    {"alg": ["HS256"]},
    {"alg": "HS256", "kid": "../../dev/null", "crit": ["b64"], "b64": False},
    b"\xff\x00",
]


@pytest.mark.parametrize("header", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("algorithm", DIGESTS)
def test_a_forged_token_is_refused_unread_whatever_its_header_says(
    header: object, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = token(header, claims(), algorithm, secret="y" * 40)
    stages = policy(algorithms=[algorithm]), policy(algorithms=[*DIGESTS])
    forbid_parsing(monkeypatch)
    for stage in stages:
        assert slug(stage, forged) == "token_invalid"
        assert challenge(stage, b"Bearer " + forged) == (
            b'Bearer realm="api", error="invalid_token", error_description="not valid"'
        )


def test_a_signature_of_an_algorithm_that_is_not_allowed_is_refused_unread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = policy(algorithms=["HS384"])
    others = [token({"alg": "HS384"}, claims(), algorithm) for algorithm in ("HS256", "HS512")]
    rsa = signed().rpartition(b".")[0] + b"." + part(b"r" * 256)
    forbid_parsing(monkeypatch)
    for other in others:
        refusal, _ = present(stage, b"Bearer " + other)
        assert refusal is not None and refusal.detail == "a signature of no allowed algorithm"
    assert slug(stage, rsa) == "token_invalid"


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_a_token_with_a_good_signature_is_parsed(algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    good = token({"alg": algorithm}, claims(), algorithm)
    assert slug(policy(algorithms=[*DIGESTS]), good) == ""
    stage = policy(algorithms=[*DIGESTS])
    forbid_parsing(monkeypatch)
    with pytest.raises(AssertionError, match="was parsed"):
        slug(stage, good)


def test_a_signature_spelled_in_another_way_is_none() -> None:
    good = signed()
    last = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # 43 characters hold 258 bits: the last two say nothing, so three more characters decode to the same bytes
    start = last.index(good[-1]) // 4 * 4
    for other in last[start : start + 4]:
        assert slug(policy(), good[:-1] + bytes([other])) == ("" if other == good[-1] else "token_invalid")


def slugs(allowed: Sequence[str], presented: bytes) -> tuple[str, str]:
    """The reason that the policy gives, and the one when pyjwt alone verifies."""
    library = JwsVerifier(allowed, SECRET.encode(), secret=True)
    return (
        slug(policy(algorithms=list(allowed)), presented),
        slug(policy_with(library, algorithms=list(allowed)), presented),
    )


headers = st.fixed_dictionaries(
    {"alg": st.sampled_from([*DIGESTS, "none", "RS256", "hs256", ""])},
    optional={"typ": st.just("JWT"), "kid": st.text(max_size=3) | st.integers(), "crit": st.just(["exp"])},
)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(sorted(DIGESTS)), min_size=1, max_size=3, unique=True),
    headers,
    st.sampled_from(sorted(DIGESTS)),
    st.sampled_from([SECRET, "y" * 40]),
    st.integers(0, 700),
    st.sampled_from([b"", b"A", b"_", b"-", b".", b"="]),
)
@example(["HS256"], {"alg": "HS256"}, "HS256", SECRET, 0, b"")
@example(["HS256", "HS512"], {"alg": "HS256"}, "HS512", SECRET, 0, b"")
def test_the_result_is_pyjwt_s(
    allowed: list[str], header: dict[str, Any], signed_as: str, secret: str, place: int, put: bytes
) -> None:
    whole = token(header, claims(), signed_as, secret)
    changed = whole[:place] + put + whole[place + len(put) :]  # one character in place of another, or of none
    ours, library = slugs(allowed, changed)
    assert ours == library
    if secret != SECRET:
        assert ours == "token_invalid"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
ALGORITHMS = st.sampled_from([*DIGESTS, "none", "RS256", "hs256", "", None])
NAMES = st.sampled_from(["alg", "kid", "crit", "b64", "typ", "jwk"])
LETTERS = st.sampled_from("AEIQYgo4w-_0123456789")
written = (
    st.binary(max_size=24).map(part)
    | st.text(LETTERS, max_size=9).map(str.encode)  # of a length or with last bits that nothing encodes to
    | json_values.map(part)
)


@settings(deadline=None)
@given(
    st.dictionaries(NAMES, json_values, max_size=3).flatmap(
        lambda some: st.builds(lambda alg: part({**some, "alg": alg}), ALGORITHMS)
    )
    | written,
    st.just(part(claims())) | written,
    st.sampled_from(sorted(DIGESTS)),
    st.binary(max_size=2),
)
@example(b"eyJhbGciOiJIUzI1NiJ9", part(claims()), "HS256", b"")
@example(b"eyJhbGciOiJIUzI1NiJ-", part(claims()), "HS256", b"")
@example(part({"alg": "HS256"}), part(claims()) + b"A", "HS256", b"")
@example(part({"alg": "HS512"}), part(claims()), "HS256", b"")
@example(part({"alg": "HS256", "kid": 1}), part(claims()), "HS256", b"")
@example(part({"alg": "HS256", "b64": True}), part(claims()), "HS256", b"")
@example(part({"alg": "HS256", "crit": ["b64"], "b64": True}), part(claims()), "HS256", b"")
@example(part(b"[" * 2000), part(claims()), "HS256", b"")
@example(part(b"\xef\xbb\xbf" + b'{"alg":"HS256"}'), part(claims()), "HS256", b"")
@example(part('{"alg":"HS256"}'.encode("utf-16")), part(claims()), "HS256", b"")
@example(part(b'{"alg":"HS256","alg":"none"}'), part(claims()), "HS256", b"")
def test_anything_the_holder_of_the_secret_signed_is_read_as_pyjwt_reads_it(
    header: bytes, payload: bytes, signed_as: str, spoil: bytes
) -> None:
    body = header + b"." + payload
    code = part(hmac.new(SECRET.encode(), body + spoil, DIGESTS[signed_as]).digest())
    ours, library = slugs([*DIGESTS], body + b"." + code)
    assert ours == library
