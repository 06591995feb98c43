"""The operators' listener over a fake admin, behind a real socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from gateway.ops.api.app import application
from tests.ops.api.fake_admin import DASHBOARD, LOCAL, FakeAdmin

Client = TestClient[Any, Any]


@pytest.fixture
def admin() -> FakeAdmin:
    return FakeAdmin()


@pytest.fixture
async def client(admin: FakeAdmin, aiohttp_client: Callable[..., Awaitable[Client]]) -> Client:
    return await aiohttp_client(application(admin))


@pytest.fixture
async def open_client(admin: FakeAdmin, aiohttp_client: Callable[..., Awaitable[Client]]) -> Client:
    """As ``client``, for a listener that pages of ``DASHBOARD`` may use."""
    admin.allowed = [DASHBOARD, LOCAL]
    return await aiohttp_client(application(admin))
