"""Bearer tokens: what passes, and what is refused and how."""

from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import ValidationError

from gateway.policy.auth.auth import Settings
from tests.policy.auth.tokens import (
    ACCESS,
    NOW,
    SECRET,
    STAGE,
    Clock,
    challenge,
    claims,
    part,
    policy,
    present,
    remembered,
    signed,
    slug,
)


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER ", b"bEaReR "])
def test_a_good_token_names_the_principal(scheme: bytes) -> None:
    for _ in range(2):  # verified, then remembered
        refusal, exchange = present(STAGE, scheme + signed())
        assert refusal is None
        assert exchange.principal == "a" * 32
        assert exchange.claims == claims()


def test_a_missing_token_is_challenged_without_an_error_code() -> None:
    assert slug(STAGE, None) == "token_missing"
    assert challenge(STAGE, None) == b'Bearer realm="api"'


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Basic YTpi",
        b"Token " + signed(),
        b"Bearer\t" + signed(),
        b"Bearer  " + signed(),
        b" Bearer " + signed(),
        b"Bearer " + signed() + b" ",
        b"Bearer " + signed() + b"\n",
        b"Bearer" + signed(),
        b"Bearer:" + signed(),
        b"Bearer " + signed() + b", Bearer " + signed(),
        b"Basic YTpi, Bearer " + signed(),
        b"Bearer " + signed() + b",",
        b"Bearer " + signed().replace(b".", b" ."),
        b"Bearer " + signed().replace(b".", b".\r\n "),
        b"Bearer " + signed() + b".",
        b"Bearer " + signed() + b".e30",
        b"Bearer " + signed() + b"=",
        b"Bearer " + signed() + b"\x00",
        b"Bearer " + signed() + b"\xc2\xa0",
        b"Bearer \xef\xbb\xbf" + signed(),
        b'Bearer "' + signed() + b'"',
        b"Bearer token=" + signed(),
        b"Bearer " + signed().rpartition(b".")[0],
        b"Bearer " + signed().rpartition(b".")[0] + b".",
        b"Bearer ..",
        b"Bearer a.b.c",
        b"Bearer " + signed() + signed(),
        "Bearer ".encode("utf-16") + signed(),
    ],
)
def test_anything_but_one_bearer_token_is_invalid(authorization: bytes) -> None:
    assert slug(STAGE, authorization, b"") == "token_invalid"


def test_another_scheme_is_challenged_without_an_error_code_and_a_bad_token_with_one() -> None:
    assert challenge(STAGE, b"Basic YTpi") == b'Bearer realm="api"'
    assert b'error="invalid_token"' in challenge(STAGE, b"Bearer x")
    assert b'error="invalid_token"' in challenge(STAGE, b"bearer " + signed(secret="x" * 32))


def alg(name: object) -> bytes:
    return signed(header={"alg": name, "typ": "JWT"})


@pytest.mark.parametrize(
    "token",
    [
        signed(secret="another secret that is long enough"),
        signed()[:-4] + b"AAAA",
        part({"alg": "none"}) + b"." + part(claims()) + b".AAAA",
        alg("none"),
        alg("NONE"),
        alg("hs256"),
        alg("HS512"),
        alg("RS256"),
        alg(""),
        alg(None),
        alg(["HS256"]),
        alg({"HS256": 1}),
        alg(256),
        signed(header={"typ": "JWT"}),
        signed(header=[]),
        signed(header="HS256"),
        signed(header=b"not json"),
        signed(header=b""),
        signed(header=b"\xff\xfe"),
        signed(header=b"[" * 2000),
        signed(header={"alg": "HS256", "crit": ["b64"], "b64": True}),
        signed(header={"alg": "HS256", "crit": ["exp"]}),
        signed(header={"alg": "HS256", "crit": []}),
        signed(header={"alg": "HS256", "crit": None}),
        signed(header={"alg": "HS256", "b64": False}),
        signed(header={"alg": "HS256", "b64": True}),
        signed(header={"alg": "HS256", "kid": 7}),
        signed(payload=b"not json"),
        signed(payload=b"[]"),
        signed(payload=b"null"),
        signed(payload=b'"sub"'),
        signed(payload=b"[" * 2000),
        signed(payload=b'{"sub":"\xff"}'),
        signed(claims(exp=None)),
        signed(claims(exp="soon")),
        signed(claims(exp=str(int(NOW) + 900))),
        signed(claims(exp=True)),
        signed(claims(exp=[int(NOW) + 900])),
        signed(b'{"sub":"a","type":"access","exp":NaN}'),
        signed(b'{"sub":"a","type":"access","exp":Infinity}'),
        signed(b'{"sub":"a","type":"access","exp":1e999}'),
        signed(b'{"sub":"a","type":"access","exp":1' + b"0" * 400 + b"}"),
        signed(claims(nbf=int(NOW) + 6)),
        signed(claims(iat=int(NOW) + 6)),
        signed(claims(nbf="now")),
        signed(claims(iat=False)),
        signed(claims(sub=None)),
        signed(claims(sub="")),
        signed(claims(sub=7)),
        signed(claims(sub=["a"])),
        signed(claims(sub="a" * 257)),
        signed(claims(sub="a\r\nx-user: b")),
        signed(claims(sub="a\x00")),
        signed(claims(sub=" a")),
        signed(claims(sub="\u202eada")),
        signed(claims(sub="ad\u0430")),
        signed(claims(aud="someone-else")),
    ],
)
def test_forged_malformed_and_unfit_tokens_are_invalid(token: bytes) -> None:
    assert slug(STAGE, token) == "token_invalid"


def test_a_huge_token_is_refused_by_its_length() -> None:
    assert slug(STAGE, signed(claims(pad="x" * 4000))) == "token_invalid"
    assert b"too long" in challenge(STAGE, b"Bearer " + b"a" * 100_000)
    assert slug(policy(max_bytes="16KiB"), signed(claims(pad="x" * 4000))) == ""


def test_expiry_and_leeway_to_the_second() -> None:
    clock = Clock()
    stage = policy(clock, leeway="5s")
    token = signed(claims(exp=int(NOW) + 10))
    clock.now = NOW + 14.9
    assert slug(stage, token) == ""
    clock.now = NOW + 15
    assert slug(stage, token) == "token_expired"  # though it was remembered
    assert b'error="invalid_token"' in challenge(stage, b"Bearer " + token)
    assert not remembered(stage)


def test_times_may_be_fractions_and_leeway_covers_clocks_that_differ() -> None:
    assert slug(STAGE, signed(claims(exp=NOW + 0.5, nbf=NOW + 4.5, iat=NOW + 5))) == ""


def test_a_refresh_token_is_no_access_token() -> None:
    assert slug(STAGE, signed(claims(type="refresh"))) == "claim_refused"
    assert slug(STAGE, signed(claims(type=None))) == "claim_refused"
    assert b'error="insufficient_scope"' in challenge(STAGE, b"Bearer " + signed(claims(type="refresh")))


@pytest.mark.parametrize(("required", "claim"), [(1, True), (True, 1), (1, 1.0), (False, 0), ("1", 1), ("a", ["a"])])
def test_required_claims_are_compared_with_their_type(required: object, claim: object) -> None:
    assert slug(policy(require={"x": required}), signed(claims(x=required))) == ""
    assert slug(policy(require={"x": required}), signed(claims(x=claim))) == "claim_refused"


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("read write", ""),
        ("write admin read", ""),
        (["write", "read"], ""),
        ("read", "scope_missing"),
        ("readwrite", "scope_missing"),
        ("read,write", "scope_missing"),
        (None, "scope_missing"),
        ({"read": 1, "write": 1}, "scope_missing"),
        ([["read"], "write"], "scope_missing"),
        (7, "scope_missing"),
    ],
)
def test_scopes(scope: object, expected: str) -> None:
    stage = policy(scopes=["read", "write"])
    assert slug(stage, signed(claims(scope=scope))) == expected
    if expected:
        sent = challenge(stage, b"Bearer " + signed(claims(scope=scope)))
        assert sent == b'Bearer realm="api", error="insufficient_scope", scope="read write"'


def test_issuer_and_audience() -> None:
    stage = policy(issuer="https://id.linguamate.app", audience="tutor")
    assert slug(stage, signed(claims(iss="https://id.linguamate.app", aud="tutor"))) == ""
    assert slug(stage, signed(claims(iss="https://id.linguamate.app", aud=["x", "tutor"]))) == ""
    for iss, aud in [
        (None, "tutor"),
        ("https://id.linguamate.app", None),
        ("https://id.linguamate.app.evil.com", "tutor"),
        ("https://id.linguamate.app", "tutors"),
        ("https://id.linguamate.app", ["tutor", 7]),
        (["https://id.linguamate.app"], "tutor"),
    ]:
        assert slug(stage, signed(claims(iss=iss, aud=aud))) == "token_invalid"


def pem(private: Any) -> tuple[str, str]:
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), public


RSA_KEY = rsa.generate_private_key(65537, 2048)


P256 = ec.generate_private_key(ec.SECP256R1())


ED25519 = ed25519.Ed25519PrivateKey.generate()


@pytest.mark.parametrize(("name", "key"), [("RS256", RSA_KEY), ("PS512", RSA_KEY), ("ES256", P256), ("EdDSA", ED25519)])
def test_public_keys(name: str, key: Any) -> None:
    _, public = pem(key)
    stage = policy(algorithms=[name], secret=None, public_key=public)
    assert slug(stage, pyjwt.encode(claims(), key, algorithm=name).encode()) == ""
    # the public key is public: a token signed with it as an HMAC secret must not pass
    assert slug(stage, signed(secret=public)) == "token_invalid"
    assert slug(stage, signed(header={"alg": name, "jwk": {"kty": "oct", "k": "AAAA"}})) == "token_invalid"


def test_an_elliptic_signature_of_zeros_is_invalid() -> None:
    stage = policy(algorithms=["ES256"], secret=None, public_key=pem(P256)[1])
    body = part({"alg": "ES256"}) + b"." + part(claims())
    assert slug(stage, body + b"." + part(b"\0" * 64)) == "token_invalid"  # CVE-2022-21449
    assert slug(stage, body + b"." + part(b"\0" * 8)) == "token_invalid"


def test_a_short_secret_verifies_without_a_warning() -> None:
    assert slug(policy(secret="dev"), signed(secret="dev")) == ""
    assert slug(policy(secret="dev"), signed(secret="dev2")) == "token_invalid"


P384 = ec.generate_private_key(ec.SECP384R1())


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"algorithms": []}, "at least 1"),
        ({"algorithms": ["none"]}, "Input should be"),
        ({"algorithms": ["HS256", "RS256"], "public_key": pem(RSA_KEY)[1]}, "mixes"),
        ({"secret": None}, "secret is missing"),
        ({"secret": ""}, "secret is missing"),
        ({"public_key": pem(RSA_KEY)[1]}, "does not go with HS"),
        ({"secret": pem(RSA_KEY)[1]}, "looks like a public key"),
        ({"secret": '{"kty":"oct","k":"AAAA"}'}, "looks like a public key or a JWK"),
        ({"algorithms": ["RS256"]}, "does not go with public-key"),
        ({"algorithms": ["RS256"], "secret": None}, "public_key is missing"),
        ({"algorithms": ["RS256"], "secret": None, "public_key": "garbage"}, "no key for RS256"),
        ({"algorithms": ["RS256"], "secret": None, "public_key": pem(P256)[1]}, "no key for RS256"),
        ({"algorithms": ["ES256"], "secret": None, "public_key": pem(P384)[1]}, "no key for ES256"),
        ({"algorithms": ["EdDSA"], "secret": None, "public_key": pem(RSA_KEY)[1]}, "no key for EdDSA"),
        ({"algorithms": ["RS256", "ES256"], "secret": None, "public_key": pem(RSA_KEY)[1]}, "no key for ES256"),
        ({"algorithms": ["RS256"], "secret": None, "public_key": pem(RSA_KEY)[0]}, "holds a private key"),
        ({"leeway": "1h"}, "less than or equal"),
        ({"max_bytes": 10}, "greater than or equal"),
        ({"scopes": ["a b"]}, "is not a scope"),
        ({"scopes": ['a"']}, "is not a scope"),
        ({"require": {"roles": ["admin"]}}, "require"),
        ({"kind": "opaque"}, "jwt"),
    ],
)
def test_settings_that_cannot_be_safe_are_refused_at_load(changed: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence) as raised:
        Settings.model_validate({**ACCESS, **changed})
    assert SECRET not in str(raised.value) and "BEGIN" not in str(raised.value)


def test_a_small_rsa_key_is_refused_at_load() -> None:
    small = pem(rsa.generate_private_key(65537, 1024))[1]
    with pytest.raises(ValidationError, match="2048 bits"):
        Settings.model_validate({**ACCESS, "algorithms": ["RS256"], "secret": None, "public_key": small})
