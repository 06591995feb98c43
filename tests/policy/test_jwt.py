"""Bearer tokens: what passes, what is refused and how, and what is remembered."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.core.exchange import Exchange
from gateway.core.reason import Refusal
from gateway.policy import jwt
from gateway.policy.jwt import Jwt, Settings
from gateway.policy.tools import Tools

SECRET = "correct horse battery staple, 32+"
NOW = 1_700_000_000.0
ACCESS = {"kind": "jwt", "algorithms": ["HS256"], "secret": SECRET, "require": {"type": "access"}, "leeway": "5s"}


class Clock:
    """Unix seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def rule(clock: Clock | None = None, **changed: object) -> Jwt:
    tools = Tools(store=None, wall=clock or Clock())  # type: ignore[arg-type]  # this stage stores nothing
    return jwt.build("access-token", Settings.model_validate({**ACCESS, **changed}), tools)


def claims(**changed: object) -> dict[str, Any]:
    made = {"sub": "a" * 32, "sid": "s" * 32, "type": "access", "expInSec": 900, "iat": int(NOW), "exp": int(NOW) + 900}
    return {name: value for name, value in {**made, **changed}.items() if value is not None}


def part(value: object) -> bytes:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def signed(payload: object = None, header: object = None, secret: str = SECRET) -> bytes:
    """A token with a genuine HS256 signature over whatever it says."""
    body = part({"alg": "HS256", "typ": "JWT"} if header is None else header) + b"." + part(payload or claims())
    return body + b"." + part(hmac.new(secret.encode(), body, hashlib.sha256).digest())


def present(stage: Jwt, authorization: bytes | None) -> tuple[Refusal | None, Exchange]:
    fields = {} if authorization is None else {b"authorization": authorization}
    exchange = Exchange("POST", "/", fields, "192.0.2.1", 0.0)
    return stage.on_request(exchange), exchange


def slug(stage: Jwt, token: bytes | None, scheme: bytes = b"Bearer ") -> str:
    refusal, exchange = present(stage, None if token is None else scheme + token)
    if refusal is None:
        assert exchange.principal and exchange.claims is not None
        return ""
    assert exchange.principal == "" and exchange.claims is None
    assert refusal.headers[0][0] == b"www-authenticate"
    assert refusal.headers[0][1].startswith(b'Bearer realm="api"')
    assert token is None or len(token) < 12 or token.decode("latin-1") not in refusal.detail
    return refusal.reason.slug


def challenge(stage: Jwt, authorization: bytes | None) -> bytes:
    refusal, _ = present(stage, authorization)
    assert refusal is not None
    return refusal.headers[0][1]


STAGE = rule()


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER ", b"bEaReR "])
def test_a_good_token_names_the_principal(scheme: bytes) -> None:
    for _ in range(2):  # verified, then remembered
        refusal, exchange = present(STAGE, scheme + signed())
        assert refusal is None
        assert exchange.principal == "a" * 32
        assert exchange.claims == claims()


def test_no_token_is_asked_for_without_an_error_code() -> None:
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


def test_another_scheme_is_told_no_error_code_and_a_bad_token_is() -> None:
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


def test_a_huge_token_is_not_even_looked_at() -> None:
    assert slug(STAGE, signed(claims(pad="x" * 4000))) == "token_invalid"
    assert b"too long" in challenge(STAGE, b"Bearer " + b"a" * 100_000)
    assert slug(rule(max_bytes="16KiB"), signed(claims(pad="x" * 4000))) == ""


def test_expiry_and_leeway_to_the_second() -> None:
    clock = Clock()
    stage = rule(clock, leeway="5s")
    token = signed(claims(exp=int(NOW) + 10))
    clock.now = NOW + 14.9
    assert slug(stage, token) == ""
    clock.now = NOW + 15
    assert slug(stage, token) == "token_expired"  # though it was remembered
    assert b'error="invalid_token"' in challenge(stage, b"Bearer " + token)
    assert not held(stage)


def test_times_may_be_fractions_and_leeway_covers_clocks_that_differ() -> None:
    assert slug(STAGE, signed(claims(exp=NOW + 0.5, nbf=NOW + 4.5, iat=NOW + 5))) == ""


def test_a_refresh_token_is_no_access_token() -> None:
    assert slug(STAGE, signed(claims(type="refresh"))) == "claim_refused"
    assert slug(STAGE, signed(claims(type=None))) == "claim_refused"
    assert b'error="insufficient_scope"' in challenge(STAGE, b"Bearer " + signed(claims(type="refresh")))


@pytest.mark.parametrize(("wanted", "held"), [(1, True), (True, 1), (1, 1.0), (False, 0), ("1", 1), ("a", ["a"])])
def test_required_claims_are_compared_with_their_type(wanted: object, held: object) -> None:
    assert slug(rule(require={"x": wanted}), signed(claims(x=wanted))) == ""
    assert slug(rule(require={"x": wanted}), signed(claims(x=held))) == "claim_refused"


@pytest.mark.parametrize(
    ("held", "expected"),
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
def test_scopes(held: object, expected: str) -> None:
    stage = rule(scopes=["read", "write"])
    assert slug(stage, signed(claims(scope=held))) == expected
    if expected:
        said = challenge(stage, b"Bearer " + signed(claims(scope=held)))
        assert said == b'Bearer realm="api", error="insufficient_scope", scope="read write"'


def test_issuer_and_audience() -> None:
    stage = rule(issuer="https://id.linguamate.app", audience="tutor")
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
    stage = rule(algorithms=[name], secret=None, public_key=public)
    assert slug(stage, pyjwt.encode(claims(), key, algorithm=name).encode()) == ""
    # the public key is public: whoever signs with it as an HMAC secret must not get in
    assert slug(stage, signed(secret=public)) == "token_invalid"
    assert slug(stage, signed(header={"alg": name, "jwk": {"kty": "oct", "k": "AAAA"}})) == "token_invalid"


def test_an_elliptic_signature_of_zeros_is_invalid() -> None:
    stage = rule(algorithms=["ES256"], secret=None, public_key=pem(P256)[1])
    body = part({"alg": "ES256"}) + b"." + part(claims())
    assert slug(stage, body + b"." + part(b"\0" * 64)) == "token_invalid"  # CVE-2022-21449
    assert slug(stage, body + b"." + part(b"\0" * 8)) == "token_invalid"


def test_a_short_secret_verifies_without_a_warning() -> None:
    assert slug(rule(secret="dev"), signed(secret="dev")) == ""
    assert slug(rule(secret="dev"), signed(secret="dev2")) == "token_invalid"


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


def held(stage: Jwt) -> set[str]:
    return {known.subject for known in (*stage._known.values(), *stage._older.values())}


def test_remembered_tokens_are_bounded_and_those_in_use_stay() -> None:
    stage = Jwt(Settings.model_validate(ACCESS), Clock(), remember=10)
    tokens = [signed(claims(sub=f"user-{number}")) for number in range(40)]
    for token in tokens:
        assert slug(stage, token) == ""
        assert slug(stage, tokens[0]) == ""
        assert len(stage._known) + len(stage._older) <= 10
    assert {"user-0", "user-39", "user-38", "user-37"} <= held(stage)


def test_an_expired_token_is_dropped_from_the_older_generation_too() -> None:
    clock = Clock()
    stage = Jwt(Settings.model_validate(ACCESS), clock, remember=4)
    brief, *others = (signed(claims(sub=f"user-{number}", exp=int(NOW) + 10 + number)) for number in range(4))
    for token in (brief, *others):
        assert slug(stage, token) == ""
    assert "user-0" in {known.subject for known in stage._older.values()}
    clock.now = NOW + 15
    assert slug(stage, brief) == "token_expired"
    assert "user-0" not in held(stage)
    clock.now = NOW + 15.5
    assert slug(stage, others[0]) == ""


def test_remembering_can_be_turned_off() -> None:
    forgetful = Jwt(Settings.model_validate(ACCESS), Clock(), remember=0)
    assert slug(forgetful, signed()) == slug(forgetful, signed()) == ""
    assert not held(forgetful)


def test_failing_tokens_are_not_remembered() -> None:
    stage = rule()
    for bad in (b"x", signed(secret="y" * 32), signed(claims(type="refresh")), signed(claims(exp=1))):
        assert slug(stage, bad) != ""
    assert not held(stage)


def test_a_remembered_token_vouches_for_no_other() -> None:
    stage = rule()
    good = signed()
    assert slug(stage, good) == ""
    for place in range(0, len(good), 7):
        changed = bytearray(good)
        changed[place] ^= 1
        assert slug(stage, bytes(changed)) in ("token_invalid", "claim_refused")


def test_the_tokens_themselves_are_not_kept() -> None:
    stage = rule()
    assert slug(stage, signed()) == ""
    assert all(len(mark) == 16 for mark in stage._known)


def test_the_verifier_signs_nothing_and_gives_no_key_away() -> None:
    algorithm = STAGE._verifier.get_algorithm_by_name("HS256")
    assert STAGE._verifier.get_algorithms() == ["HS256"]
    for misuse in (lambda: algorithm.sign(b"", b""), lambda: algorithm.to_jwk(b""), lambda: algorithm.from_jwk("{}")):
        with pytest.raises(NotImplementedError):
            misuse()


def test_forgetting_one_subject_or_all() -> None:
    stage = rule()
    tokens = [signed(claims(sub=name, n=number)) for name in ("ada", "bob") for number in range(3)]
    for token in tokens:
        assert slug(stage, token) == ""
    assert stage.forget("ada") == 3
    assert stage.forget("ada") == 0
    assert held(stage) == {"bob"}
    stage.clear()
    assert not held(stage)
    assert slug(stage, tokens[0]) == ""


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_no_noise_is_a_token(noise: bytes) -> None:
    assert slug(STAGE, noise, b"") == "token_invalid"
    assert slug(STAGE, noise) == "token_invalid"


@settings(deadline=None)
@given(st.sampled_from([b"Bearer ", b""]), st.binary(max_size=8), st.binary(max_size=8), st.integers(0, 400))
def test_a_token_with_anything_put_in_is_invalid(scheme: bytes, before: bytes, inside: bytes, place: int) -> None:
    token = signed()
    changed = before + token[:place] + inside + token[place:]
    genuine = (scheme + changed).lower().startswith(b"bearer ") and (scheme + changed)[len(b"bearer ") :] == token
    assert slug(STAGE, changed, scheme) == ("" if genuine else "token_invalid")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["sub", "exp", "nbf", "iat", "iss", "aud", "type", "scope", "jti"])


@settings(deadline=None)
@given(
    st.dictionaries(NAMES, json_values),
    st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "typ"]), json_values),
)
def test_no_signed_content_makes_it_stumble(payload: dict[str, Any], header: dict[str, Any]) -> None:
    for head in ({"alg": "HS256"}, {"alg": "HS256", **header}):
        for body in ({**payload}, {**claims(), **payload}):
            assert slug(STAGE, signed(body or {"sub": ""}, head)) in (
                "",
                "token_invalid",
                "token_expired",
                "claim_refused",
            )
