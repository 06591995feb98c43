import time

from gateway.policy.base.tools import NoEvents, Tools
from gateway.state.memory.store import MemoryStore
from gateway.state.rules.lockout import Lock


def test_by_default_a_policy_has_the_store_of_the_host_and_the_system_clock() -> None:
    tools = Tools(MemoryStore())
    assert tools.remote is None
    assert tools.trusted_proxies == ()
    assert abs(tools.wall() - time.time()) < 60


def test_events_that_nobody_watches_are_dropped() -> None:
    events = NoEvents()
    events.event("endpoint_ejected", upstream="tutor")
    events.breaker_changed("tutor", before="closed", state="open", failures=5)
    events.locked("accounts", Lock("account", "who", 0.0, 900.0, 3, "failed attempts on one account"))
