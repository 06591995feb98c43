"""What the fixture ``problems_of`` gives a test."""

from collections.abc import Callable

Problems = Callable[..., list[str]]
"""``problems_of(text, NAME="value")``: the problems of an entry file with that text, each as path and sentence."""
