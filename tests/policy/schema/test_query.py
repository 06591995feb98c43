"""The query of a route as one value."""

import pytest

from gateway.policy.schema.query import parameters


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("", {}),
        ("a=1", {"a": "1"}),
        ("a=1&b=2&a=3&a=", {"a": ["1", "3", ""], "b": "2"}),
        ("a", {"a": ""}),
        ("a=%2531+x", {"a": "%31 x"}),  # decoded once
        ("a=b=c", {"a": "b=c"}),
        ("a=1&&b=2", {"a": "1", "b": "2"}),
        ("%61=1&a=2", {"a": ["1", "2"]}),
        ("a=%C3%A9", {"a": "é"}),
    ],
)
def test_parameters_are_texts_and_lists_of_texts(query: str, value: object) -> None:
    assert parameters(query) == value


@pytest.mark.parametrize(
    "query",
    [
        "limit=1&Limit=2",
        "limit=1&limit[]=2",
        "limit[0]=1&limit[1]=2",
        "a=1;b=2",
        "a=%zz",
        "a=%",
        "a=%ff",
        "a%00=1",
        "&".join(f"p{index}=1" for index in range(101)),
    ],
)
def test_what_has_two_readings_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match="the query"):
        parameters(query)
