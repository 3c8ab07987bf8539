"""A short round of the chaos suite on each engine: some forty faults, and every question has one whole answer."""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.chaos.database import SERVER

FAULTS = "36"
SEED = "12"
"""Always the same plan; when each fault hits is left to the machine all the same."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
async def test_a_short_round(engine: str, tmp_path: Path) -> None:
    if engine == "postgres":
        await skip_without_server()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos", "--faults", FAULTS, "--db", engine, "--seed", SEED, "--worlds", "3"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()


async def skip_without_server() -> None:
    try:
        connection = await asyncpg.connect(SERVER.replace("+asyncpg", ""), timeout=60)
    except (OSError, TimeoutError) as error:
        pytest.skip(f"no PostgreSQL answers at TEST_POSTGRES_URL: {error}")
    await connection.close()
