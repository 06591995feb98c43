"""The data plane's own waits, shortened so that a test of them need not wait."""

import pytest


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.proxy.server.linger.STILL", 0.1)
    monkeypatch.setattr("gateway.proxy.server.server.SWEEP", 0.05)
