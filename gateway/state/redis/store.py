"""The store over Redis: one memory for all replicas.

A verb is one Lua script over all keys of its call, and what the requests of one iteration of the event loop ask for
shares one round trip. Nothing is retried here: a request that has waited 40 ms for Redis is served by the embedded store
(``state.failover.store``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

from gateway.core.addresses import Resolver
from gateway.state.redis.cluster import ClusterTransport
from gateway.state.redis.connection import PipelinedConnection
from gateway.state.redis.limits import RedisLimits
from gateway.state.redis.lockouts import RedisLockouts
from gateway.state.redis.pipeline import Pipeline
from gateway.state.redis.revocations import RedisRevocations
from gateway.state.redis.url import CONNECT, clients_for, split_wait
from gateway.state.rules.digest import condensed, digester
from gateway.state.store import StateError

TIMEOUT = 0.04
"""Seconds that a request waits for Redis; with falling over to the embedded store it is served within 50 ms."""


class RedisStore:
    """The Redis at ``url``: ``redis://``, ``rediss://`` (TLS), ``redis+sentinel://host:port,.../master`` or
    ``redis+cluster://host:port,...``. ``key`` is the secret under which names are hashed, the same on every replica;
    ``timeout`` in seconds, which ``?wait=200ms`` in the address replaces; ``resolver`` looks its names up. Belongs to one event loop; connects when first
    called. Raises StateError; its verbs raise Unreachable.
    """

    def __init__(self, url: str, key: bytes, timeout: float = TIMEOUT, resolver: Resolver | None = None) -> None:
        if not key:
            raise StateError("state.redis needs state.key: every replica has to hash names under the same one")
        url, self.timeout = split_wait(url, timeout)
        self._clients = clients = clients_for(url, resolver)
        self.pipeline = Pipeline(
            self.timeout,
            partial(ClusterTransport, clients.cluster, CONNECT)
            if clients.cluster is not None
            else partial(PipelinedConnection, clients.connect, CONNECT),
        )
        digest = _named(key)
        # The verbs are those of the parts.
        self._limits = limits = RedisLimits(self.pipeline, digest, apart=clients.cluster is not None)
        self.take, self.begin_take, self.lend = limits.take, limits.begin_take, limits.lend
        lockouts = RedisLockouts(self.pipeline, digest)
        self.reserve, self.settle, self.replay = lockouts.reserve, lockouts.settle, lockouts.replay
        self.locks, self.unlock, self.name_of = lockouts.locks, lockouts.unlock, lockouts.name_of
        self.snapshot, self.restore = lockouts.snapshot, lockouts.restore
        revocations = RedisRevocations(self.pipeline, digest)
        self.revoke, self.merge_revocations = revocations.revoke, revocations.merge_revocations
        self.revocations, self.revocations_since = revocations.revocations, revocations.revocations_since
        self.revocation_name = revocations.revocation_name

    async def ping(self) -> None:
        """Returns when Redis has answered, opening connections if need be; raises Unreachable after some two seconds."""
        await self.pipeline.transport.ping()

    async def close(self) -> None:
        """Gives the connections back. Calling it twice is harmless."""
        self._limits.close()
        await self.pipeline.close()
        await self._clients.close()


def _named(key: bytes) -> Callable[[bytes], bytes]:
    """The function from bytes to their keyed hash in hex."""
    digest = digester(condensed(key))
    return lru_cache(maxsize=8192)(lambda of: digest(of).hex().encode())
