"""A fresh world for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.e2e import worlds


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[worlds.World]:
    async with worlds.world(tmp_path) as made:
        yield made
