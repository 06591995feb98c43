"""What the rules of the house do not hold for yet. Every line goes away, none is added; a file that moves takes its line along."""

# Imports that close a circle or lead up a room: (importing module, imported module), paths below gateway/.
IMPORTS_TO_CUT = {}

# Modules without a test module of their name, paths below gateway/.
MODULES_WITHOUT_TEST = {
    "core/exchange.py",
}

# Test modules without a module of their name, paths below tests/.
TESTS_WITHOUT_MODULE = {
    "state/redis/test_fleet.py",
}

# Modules with identifiers of a private language (tests/floors/test_words.py has what to say for them).
NAMES_OF_OUR_OWN = {}

# Files with prose of it.
PROSE_OF_OUR_OWN = {}

# Class names with two meanings.
CLASS_NAMES_TWICE = {}

# Public names of one room that say `Any` to the others.
UNTYPED_JOINTS = {
    "core/exchange.py:Call.__init__",
    "core/exchange.py:Exchange.attempts",
    "core/exchange.py:Exchange.head",
    "core/exchange.py:Exchange.limits",
    "core/exchange.py:Exchange.response_headers",
    "core/exchange.py:Exchange.route",
    "core/exchange.py:Exchange.stream",
    "policy/base/stage.py:hook",
}
