"""What becomes of each class of requests on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.core.methods import METHODS
from gateway.review.diff.classes import RequestClass
from gateway.review.diff.side import Match, RoutedSide


class Transition(NamedTuple):
    """One class with one method, and what becomes of it on the old side and on the new one."""

    request: RequestClass
    method: str
    before: Match
    after: Match

    def reversed(self) -> Transition:
        """The same from the new side to the old one."""
        request = self.request
        if request.moved:
            request = request._replace(target=request.before, before=request.target)
        return Transition(request, self.method, self.after, self.before)


def transitions(old: RoutedSide, new: RoutedSide, classes: Iterable[RequestClass]) -> Sequence[Transition]:
    """A transition for each of ``classes`` and each method."""
    return [
        Transition(
            request,
            method,
            old.match(request.listener, method, request.before or request.target),
            new.match(request.listener, method, request.target),
        )
        for request in classes
        for method in METHODS
    ]
