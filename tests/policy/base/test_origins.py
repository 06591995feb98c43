"""Which origins admit all that others admit."""

from __future__ import annotations

import pytest

from gateway.policy.base.origins import admits


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (["https://*.example.app"], ["https://a.example.app"]),
        (["https://*.example.app"], ["https://a.b.example.app"]),
        (["https://*.example.app"], ["https://*.a.example.app"]),
        (["https://*.example.app"], []),
        (["*"], ["https://a.example.app", "null-app://x", "http://localhost:8081"]),
        (["https://a.app", "https://b.app"], ["https://b.app"]),
    ],
)
def test_the_wider_admits_the_narrower(wide: list[str], narrow: list[str]) -> None:
    assert admits(wide, narrow)
    assert not admits(narrow, wide)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["https://*.example.app"], ["https://example.app"]),
        (["https://*.example.app"], ["http://*.example.app"]),
        (["https://*.example.app"], ["https://*.example.app:8443"]),
        (["https://*.example.app"], ["https://a-example.app"]),
        (["https://a.app"], ["https://b.app"]),
        (["app://x"], ["app://y"]),
    ],
)
def test_neither_admits_the_other(one: list[str], other: list[str]) -> None:
    assert not admits(one, other)
    assert not admits(other, one)
