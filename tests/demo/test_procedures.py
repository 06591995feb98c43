"""The table of the demo's procedures, and the inputs that they refuse."""

from typing import Any

import pytest

from gateway.demo.procedures import PROCEDURES


def test_the_table_is_the_backends() -> None:
    assert len(PROCEDURES) == 62
    kinds = [procedure.kind for procedure in PROCEDURES.values()]
    assert (kinds.count("query"), kinds.count("mutation")) == (26, 36)
    assert sum(procedure.public for procedure in PROCEDURES.values()) == 30


@pytest.mark.parametrize(
    ("name", "given", "fields"),
    [
        ("auth.login", {"email": "a@b.example", "password": "x"}, set()),
        ("auth.login", {"email": "a@b.example", "password": "x", "rememberMe": None, "more": 1}, set()),
        ("auth.login", {"email": "nobody", "password": ""}, {"email", "password"}),
        ("auth.login", {"email": "a" * 250 + "@b.example", "password": 7}, {"email", "password"}),
        ("auth.login", {}, {"email", "password"}),
        ("auth.login", "no object", {"email", "password"}),
        ("lessons.getRecommended", {"language": "es", "limit": 11}, {"limit"}),
        ("lessons.getRecommended", {"language": "es", "limit": True}, {"limit"}),
        ("dialogue.getScenes", {"topicId": "3f0f7a52"}, {"topicId"}),
        ("tutorData.fetchMultiple", {"urls": []}, {"urls"}),
        ("user.get", "anything", set()),
    ],
)
def test_what_is_wrong_with_an_input_is_listed_by_field(name: str, given: Any, fields: set[str]) -> None:
    assert PROCEDURES[name].problems(given).keys() == fields


def test_an_alias_is_the_procedure_behind_it() -> None:
    assert PROCEDURES["auth.signin"] is PROCEDURES["auth.login"]
