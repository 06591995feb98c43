"""What differs between random configurations, against what a dry run of both says: nothing that opens is missed.

``DIFF_EXAMPLES`` in the environment is how many pairs are tried; the few of an ordinary run are always the same.
"""

from __future__ import annotations

import copy
import os
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from gateway.config.model import Config
from gateway.review.diff.change import Change, SentRequest, Witness
from gateway.review.diff.classes import RequestClass
from gateway.review.diff.diff import differences
from gateway.review.diff.side import RoutedSide
from gateway.review.diff.transitions import Transition
from gateway.review.diff.witness.sample import Sample
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.outcome import Outcome
from gateway.review.dry_run.parts import DryParts
from gateway.review.dry_run.request import DryRequest
from gateway.review.dry_run.response import ScriptedResponse
from tests.review.diff.random_sides import RandomSides, Written, config
from tests.review.diff.written import NOON

pytestmark = pytest.mark.no_cover  # the same lines for each example, which the tests of each part count

KEPT = DryParts()
"""The schemas of all examples, of which there are few."""

EXAMPLES = int(os.environ.get("DIFF_EXAMPLES", "0"))


def examples(few: int) -> Iterator[RandomSides]:
    """As many as are asked for, else the first ``few``."""
    return (RandomSides(random.Random(seed)) for seed in range(EXAMPLES or few))


def run(side: Config, *several: SentRequest) -> Outcome:
    """What becomes of the last of ``several`` requests, on a gateway that has counted nothing before."""
    dry_run, outcome = DryRun(side, at=NOON, parts=KEPT), None
    for sent in several:
        request = DryRequest(
            sent.method, sent.target, sent.headers, sent.body, sent.address, sent.claims, sent.listener
        )
        for _ in range(sent.repeat):
            if outcome is not None:
                dry_run.clock.advance(sent.every)
            outcome = dry_run.run(request, ScriptedResponse(sent.upstream))
    assert outcome is not None
    return outcome


def likely(sides: RandomSides, side: RoutedSide, sent: SentRequest) -> SentRequest:
    """Nearly ``sent``, but so that ``side`` lets it pass unless it differs in one or two things from what it asks for."""
    found = side.match("public", sent.method, sent.target)
    if found.refused or sides.chance.random() < 0.1:
        return sent
    transition = Transition(RequestClass("public", sent.target.partition("?")[0], ""), sent.method, found, found)
    if "," in sent.target or found.route not in side.routes:
        return sent
    request = Sample(side, side.routes[found.route], transition, token=True).request(1)
    match sides.chance.randrange(9):
        case 0:
            request = replace(request, claims=sent.claims)
        case 1:
            request = replace(request, headers=(*request.headers, *sent.headers))
        case 2:
            request = replace(request, body=sent.body)
        case 3:
            request = replace(request, body=request.body.ljust(sides.chance.choice((0, 30, 50))))
        case 4:
            request = replace(request, method=sent.method, target=sent.target)
    return replace(request, repeat=sent.repeat, upstream=sent.upstream)


def names_of(outcome: Outcome) -> set[str]:
    return {outcome.route, *(call.route for call in outcome.calls)}


def test_what_was_refused_and_passes_is_a_loosening_of_its_route() -> None:
    opened = 0
    for sides in examples(40):
        written = sides.written()
        changed = sides.changed(written)
        pair = config(written), config(changed)
        new = RoutedSide(pair[1], DryRun(pair[1], at=NOON, parts=KEPT).runtime)
        differing = {route for change in differences(*pair, witnesses=False, at=NOON) for route in change.routes}
        for number in range(4):
            sent = likely(sides, new, sides.request(changed, differing if number else ()))
            outcomes = [run(side, sent) for side in pair]
            passes = [outcome.verdict == "pass" for outcome in outcomes]
            if passes[0] == passes[1]:
                continue
            opened += 1
            changes = differences(*(pair if passes[1] else pair[::-1]), witnesses=False, at=NOON)
            loosened = [set(change.routes) for change in changes if change.loosens]
            through = names_of(outcomes[passes.index(True)])
            assert any(not routes or routes & through for routes in loosened), (sent, changes)
    assert opened >= 5, "the examples open too little to show anything"


def test_nothing_differs_from_itself_and_each_way_back_is_the_way_there() -> None:
    differing = 0
    for sides in examples(25):
        written = sides.written()
        old, new = config(written), config(sides.changed(written))
        assert differences(old, old, at=NOON) == []
        there, back = (differences(*pair, witnesses=False, at=NOON) for pair in ((old, new), (new, old)))
        differing += bool(there)
        effects, of_back = _effects(there, False), _effects(back, True)
        assert effects.keys() == of_back.keys()
        for key, found in effects.items():
            # What neither includes the other loosens both ways.
            assert ("changes" in found) == ("changes" in of_back[key])
            assert "tightens" not in found or "loosens" in of_back[key]
            assert "tightens" not in of_back[key] or "loosens" in found
    assert differing > 8


def _effects(changes: Sequence[Change], swapped: bool) -> dict[tuple[str, str, str], set[str]]:
    """The effects by setting and values, which are those of the way there where ``swapped``."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for change in changes:
        values = (change.after, change.before) if swapped else (change.before, change.after)
        found.setdefault(_without_names(change.setting, *values), set()).add(change.effect.value)
    return found


def _without_names(setting: str, before: str, after: str) -> tuple[str, str, str]:
    """Without names of routes: a change is named after the route of its new side."""
    setting = re.sub(r"^routes\.[^.]+", "routes", setting)
    return re.sub(r"^schemas\.inputs\.r.", "schemas", setting), *(
        re.sub(r" \(of .*\)$", "", text) for text in (before, after)
    )


def renamed(written: Written, chance: random.Random) -> Written:
    """The same in other names, in another sequence, and with the defaults written in each route."""
    other = copy.deepcopy(written)
    names = {section: {name: f"new-{name}" for name in policies} for section, policies in other["policies"].items()}
    other["policies"] = {
        section: {names[section][name]: shuffled(policies[name], chance) for name in shuffled(policies, chance)}
        for section, policies in other["policies"].items()
    }
    for route in other["routes"]:
        for key in _SECTION_OF:
            if key in other["defaults"] and other["defaults"][key] is not None:
                route.setdefault(key, copy.deepcopy(other["defaults"][key]))
    for holder in (other["defaults"], *other["routes"]):
        for key, section in _SECTION_OF.items():
            value = holder.get(key)
            if isinstance(value, list):
                holder[key] = chance.sample([names[section][name] for name in value], len(value))
            elif value not in (None, "public"):
                holder[key] = names[section][value]
    for route in other["routes"]:
        for key in ("paths", "procedures", "methods"):
            chance.shuffle(route.get(key, []))
    return other


_SECTION_OF = {
    "auth": "auth",
    "cors": "cors",
    "rate_limits": "rate_limits",
    "body": "bodies",
    "lockout": "lockouts",
    "schema": "schemas",
}


def shuffled(values: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    return dict(chance.sample([*values.items()], len(values)))


def test_other_names_sequences_and_defaults_are_no_difference() -> None:
    for sides in examples(25):
        written = sides.written()
        old, new = config(written), config(renamed(written, sides.chance))
        assert differences(old, new, witnesses=False, at=NOON) == []


def test_each_witness_is_refused_by_the_old_side_and_passes_the_new_one() -> None:
    confirmed = 0
    for sides in examples(8):
        written = sides.written()
        old, new = config(written), config(sides.changed(written))
        for change in differences(old, new, at=NOON):
            assert change.loosens or not (change.witnesses or change.unwitnessed)
            assert not change.loosens or bool(change.witnesses) is not bool(change.unwitnessed)
            for route, witness in change.witnesses.items():
                assert isinstance(witness, Witness)
                before, after = (run(side, *witness.earlier, witness) for side in (old, new))
                assert (before.verdict, after.verdict) == (witness.before, witness.after)
                assert before.verdict != "pass" == after.verdict
                assert route in {"", *names_of(after)}
                confirmed += 1
    assert confirmed >= 3
