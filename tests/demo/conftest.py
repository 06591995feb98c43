"""The demo services, each for one test."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.demo.toolkit import DemoToolkit
from gateway.demo.tutor import DemoTutor
from tests.demo.talk import KEY, SECRET


@pytest.fixture
async def tutor() -> AsyncIterator[DemoTutor]:
    async with DemoTutor(SECRET) as service:
        yield service


@pytest.fixture
async def toolkit() -> AsyncIterator[DemoToolkit]:
    async with DemoToolkit(KEY, crawl_seconds=0.001) as service:
        yield service


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
