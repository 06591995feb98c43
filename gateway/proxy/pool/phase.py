"""How far a call on a connection has come."""

from enum import IntEnum


class Phase(IntEnum):
    """``HEAD``: the request is sent, and nothing but 1xx has come. ``INFORMATIONAL``: inside a 1xx response."""

    IDLE = 0
    HEAD = 1
    INFORMATIONAL = 2
    BODY = 3
    DONE = 4


# A member looked up by its enum costs ten times as much as a name, and there are thirty look-ups in a call.
IDLE, HEAD, INFORMATIONAL, BODY, DONE = Phase
