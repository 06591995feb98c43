"""Several keys: a token of any of them passes, what each has verified is counted, and a wrong signature costs a bounded
number of verifications."""

from __future__ import annotations

import time
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.verdict import Refusal
from gateway.policy.auth import auth, challenge
from gateway.policy.auth.key_ring import HINTS, KeyRing, KeyUse
from gateway.policy.auth.keys import MOST_KEYS
from tests.policy.auth.tokens import NOW, SECRET, Clock, claims, part, policy, settings, signed, slug

NEW, OLD, OLDER = SECRET, "the secret before, of 32 characters", "the one before that, of 32 characters"


class Counting:
    """A verifier of tokens that end with its letter, and how often it was asked."""

    def __init__(self, letter: bytes) -> None:
        self.letter = letter
        self.asked = 0

    def verify(self, token: bytes) -> bytes | Refusal:
        self.asked += 1
        return b"{}" if token.endswith(self.letter) else challenge.FORGED


def ring(*letters: bytes) -> tuple[KeyRing, list[Counting]]:
    verifiers = [Counting(letter) for letter in letters]
    return KeyRing(verifiers), verifiers


def test_tokens_of_every_key_pass_and_no_others() -> None:
    stage = policy(secret=[NEW, OLD])
    assert [slug(stage, signed(secret=secret)) for secret in (NEW, OLD, OLDER)] == ["", "", "token_invalid"]
    assert [slug(policy(secret=[NEW]), signed(secret=secret)) for secret in (NEW, OLD)] == ["", "token_invalid"]


@given(st.permutations([NEW, OLD, OLDER]), st.integers(0, 2))
def test_the_order_decides_nothing(order: list[str], index: int) -> None:
    assert slug(policy(secret=order), signed(secret=order[index])) == ""


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_two_public_keys_with_and_without_a_kid(algorithm: str) -> None:
    def made() -> Any:
        return ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else ed25519.Ed25519PrivateKey.generate()

    new, old, foreign = made(), made(), made()
    pems = [
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode() for key in (new, old)
    ]
    stage = policy(algorithms=[algorithm], secret=None, public_key=pems)
    for headers in (None, {"kid": "a"}, {"kid": "b"}):
        for key, why in ((new, ""), (old, ""), (foreign, "token_invalid"), (old, ""), (new, "")):
            token = pyjwt.encode(claims(), key, algorithm=algorithm, headers=headers).encode()
            assert slug(stage, token) == why
    crossed = pyjwt.encode(claims(), pems[0].replace("-", "x"), algorithm="HS256").encode()
    assert slug(stage, crossed) == "token_invalid"


def test_a_wrong_signature_is_tried_with_each_key_once() -> None:
    tried, verifiers = ring(b"a", b"b", b"c")
    assert tried.verify(b"h.p.z") is challenge.FORGED
    assert [verifier.asked for verifier in verifiers] == [1, 1, 1]
    for _ in range(2 * HINTS):
        tried.verify(b"h.p.c")
    before = sum(verifier.asked for verifier in verifiers)
    assert tried.verify(b"h.p.z") is challenge.FORGED
    assert sum(verifier.asked for verifier in verifiers) - before == 3


def test_a_key_that_its_header_has_named_before_is_tried_first_and_a_shared_kid_signs_nobody_out() -> None:
    tried, (new, old) = ring(b"n", b"o")
    assert tried.verify(b"kid-of-old.p.o") == b"{}"
    new.asked = old.asked = 0
    assert tried.verify(b"kid-of-old.p2.o") == b"{}"
    assert (new.asked, old.asked) == (0, 1)
    # An issuer that keeps one kid over the change: both keys' tokens go on to pass.
    assert [tried.verify(b"kid-of-old.p.n"), tried.verify(b"kid-of-old.p.o")] == [b"{}", b"{}"]


def test_forged_headers_are_not_remembered_and_genuine_ones_are_bounded() -> None:
    tried, (new, _) = ring(b"n", b"o")
    for number in range(1000):
        tried.verify(b"%d.p.z" % number)
        tried.verify(b"%d.p.o" % number)
    assert len(tried._hints) <= HINTS
    new.asked = 0
    assert tried.verify(b"1.p.n") == b"{}"
    assert new.asked == 1


def test_another_refusal_than_the_signature_ends_the_search() -> None:
    stage = policy(secret=[NEW, OLD])
    assert slug(stage, signed(header={"alg": "HS512"}, secret=OLD)) == "token_invalid"
    assert slug(stage, signed(header={"alg": "HS256", "crit": ["x"]}, secret=OLD)) == "token_invalid"
    assert slug(stage, signed(header=b"no json", secret=OLD)) == "token_invalid"
    assert slug(stage, signed(claims(exp=int(NOW) - 60), secret=OLD)) == "token_expired"


def test_each_key_counts_the_good_tokens_it_has_verified() -> None:
    clock = Clock()
    stage = policy(clock, secret=[NEW, OLD])
    assert stage.ring is not None
    for subject in ("ada", "bob"):
        assert slug(stage, signed(claims(sub=subject), secret=OLD)) == ""
    clock.now += 10
    for _ in range(3):  # remembered after the first time
        assert slug(stage, signed(secret=NEW)) == ""
    assert slug(stage, signed(claims(exp=int(NOW) - 60), secret=OLD)) == "token_expired"
    assert slug(stage, signed(claims(type="refresh"), secret=OLD)) == "claim_refused"
    assert slug(stage, signed(secret=OLDER)) == "token_invalid"
    assert stage.ring.take_uses() == [KeyUse(1, NOW + 10), KeyUse(2, NOW)]
    assert stage.ring.take_uses() == [KeyUse(), KeyUse()]
    assert stage.ring.lifetime == 905.0, "the leeway included"


def test_a_token_without_iat_has_lived_since_it_was_seen() -> None:
    stage = policy()
    assert stage.ring is not None
    assert slug(stage, signed(claims(iat=None))) == ""
    assert stage.ring.lifetime == 905.0


def test_one_key_is_asked_without_a_detour() -> None:
    tried, (only,) = ring(b"a")
    assert tried.verify == only.verify
    assert tried.take_uses() == [KeyUse()]


def test_a_forged_token_costs_no_more_than_its_keys() -> None:
    """In processor time, against one key: what is measured are 2,000 HMACs of a token of 300 bytes."""
    forged = signed(secret="y" * 32)

    def best(keys: int) -> float:
        verifier = auth.verifier(settings(secret=[f"{number}{NEW}" for number in range(keys)]))
        taken = []
        for _ in range(5):
            begun = time.thread_time()
            for _ in range(2000):
                verifier.verify(forged)
            taken.append(time.thread_time() - begun)
        return min(taken)

    assert best(MOST_KEYS) < (MOST_KEYS + 2) * best(1)


def test_a_header_of_many_spellings_selects_nothing() -> None:
    """What a header says selects where to begin, never the key alone: a forged one with a genuine header is refused."""
    stage = policy(secret=[NEW, OLD])
    good = signed(secret=OLD)
    assert slug(stage, good) == ""
    header, payload, _ = good.split(b".")
    assert slug(stage, b".".join((header, payload, part(bytes(32))))) == "token_invalid"
