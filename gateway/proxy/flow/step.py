"""Where a request is on its way."""

from __future__ import annotations

from enum import IntEnum


class Step(IntEnum):
    """Where a request is. Each step has a line in ``proxy.flow.life.ENDS``."""

    DECIDING = 0  # the stages are asked, in a batch
    WAITING = 1  # for the verdict of a stage, which gave a future
    CALLING = 2  # for the response on a kept connection to the upstream
    ANSWERED = 3  # the whole response is here, and nothing of it is sent yet
    RUNNING = 4  # as a task, for one thing after the other; nothing of the response is sent yet
    STREAMING = 5  # as a task, with a part of the response sent
    TUNNEL = 6  # as a task, while bytes pass between client and upstream unread
    RESPONDING = 7  # the whole response is on its way to the client
    OVER = 8


# A member looked up by its enum costs ten times as much as a name.
DECIDING, WAITING, CALLING, ANSWERED, RUNNING, STREAMING, TUNNEL, RESPONDING, OVER = Step
