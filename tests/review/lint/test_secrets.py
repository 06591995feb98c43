"""The rules of one subject, each with a configuration that has the finding, and its mended twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.review.lint.configurations import Case, Judged, cases_of, check


@pytest.mark.parametrize("case", cases_of("secrets"), ids=str)
def test_a_rule(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)


@pytest.mark.parametrize(
    "edit",
    [
        "{response_headers: {secure: {set: {content-security-policy: \"script-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='\"}}}}",
        "{auth: {token: {audience: Qx8v3ZkR1tYpL0sWn7BmCj2HdFgUe5Aa}}}",
        "{auth: {token: {require: {azp: 3f2c9ab17e5d4c6088aa12bc34de56f7}}}}",
        "{fallbacks: {note: {json: {mock: true, image: 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ'}}},"
        " upstreams: {tutor: {fallback: note}}}",
    ],
)
def test_what_clients_are_sent_or_have_in_their_tokens_is_no_secret(edit: str, judged: Judged) -> None:
    assert judged(edit) == []


def test_a_key_of_a_service_is_one_wherever_it_stands(judged: Judged) -> None:
    (found,) = judged("{response_headers: {secure: {set: {x-note: sk-live-1234abcd5678efgh}}}}")
    assert found.id == "secret-in-file" and "is a key" in found.sentence
