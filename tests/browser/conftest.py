"""Chromium for the tests of this folder; without one they are skipped by name."""

import pytest

from tests.browser.running import browser as opened
from tests.browser.running import find_chromium


@pytest.fixture
async def browser():
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium on this machine: install one, or name it with CHROMIUM=/path/to/chromium")
    async with opened(executable) as found:
        yield found
