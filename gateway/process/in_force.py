"""What a reload cannot change: sockets, processes and the state are made once in a run."""

from __future__ import annotations

from dataclasses import replace

from gateway.config.digest import effective_digest
from gateway.config.model import Config


def needs_restart(running: Config, loaded: Config) -> list[str]:
    """The settings of ``loaded`` that differ from those that the run began with, and that a reload cannot change."""
    fixed = {
        "listen.host": (running.listen.host, loaded.listen.host),
        "listen.port": (running.listen.port, loaded.listen.port),
        "listen.workers": (running.listen.workers, loaded.listen.workers),
        "listen.tls": (running.listen.tls is None, loaded.listen.tls is None),
        "listen.egress": (running.listen.egress, loaded.listen.egress),
        "ops.host": (running.ops.host, loaded.ops.host),
        "ops.port": (running.ops.port, loaded.ops.port),
        "ops.origins": (running.ops.origins, loaded.ops.origins),
        "state": (running.state, loaded.state),
    }
    return [name for name, (old, new) in fixed.items() if old != new]


def in_force(running: Config, loaded: Config) -> Config:
    """``loaded`` as it can be served by a run that began with ``running``: what needs a restart stays as it was.

    Or a worker that is replaced after the reload would open another state than the others, and speak TLS where they do not.
    Origins of operators are not kept: one that was taken away is refused at once (``ops.api.guard``).
    """
    if not needs_restart(running, loaded):
        return loaded
    listen, old = loaded.listen, running.listen
    switched = (listen.tls is None) != (old.tls is None)
    fixed = {
        "host": old.host,
        "port": old.port,
        "workers": old.workers,
        "egress": old.egress,
        "tls": old.tls if switched else listen.tls,
    }
    served = replace(
        loaded,
        listen=listen.model_copy(update=fixed),
        ops=loaded.ops.model_copy(update={"host": running.ops.host, "port": running.ops.port}),
        state=running.state,
    )
    return replace(served, digest=effective_digest(served))
