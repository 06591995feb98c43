"""The end of a trial: a policy that has reported for as long as it may is enforced in the run that is under way."""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.config.model import Config
from gateway.config.reporting import next_end, reporting


class ReportEnd:
    """Has a worker compile its configuration once more when a policy of it stops reporting.

    ``show`` compiles and serves a configuration; ``event`` is for the log.
    """

    def __init__(self, show: Callable[[Config, float], None], event: Callable[..., None]) -> None:
        self._show = show
        self._event = event
        self._end: float | None = None

    def watch(self, config: Config, loaded_at: float) -> None:
        """Note what is served now, and since when (Unix seconds)."""
        self._config = config
        self._loaded_at = loaded_at
        self._end = next_end(config, time.time())

    def check(self) -> None:
        """Enforce what is over. To be called each second."""
        if self._end is None or time.time() < self._end:
            return
        before = [str(one) for one in reporting(self._config, self._end - 1)]
        left = [str(one) for one in reporting(self._config, time.time())]
        self._show(self._config, self._loaded_at)
        self._event("report_ended", policies=[one for one in before if one not in left])
