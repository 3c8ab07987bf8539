"""`coze-bridge allow` and `coze-bridge people`, as processes of their own beside a running service."""

import json
import os
import re
from collections.abc import Iterator

import pytest

from simulators.coze.answers import Answer
from tests.contract.store_contract import postgres_database
from tests.forks import typed

ANN, EVE = 1001, 6666
CODE = re.compile(r"[A-Z2-9]{4}-[A-Z2-9]{4}")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """What the settings of a service say of its database; for SQLite, what the world says anyway."""
    if request.param == "sqlite":
        yield {}
        return
    with postgres_database() as url:
        yield {"DATABASE_URL": url}


class Operator:
    """Somebody at a terminal, beside the service."""

    def __init__(self, world, changes):
        environ = {"PATH": os.environ["PATH"], "HOME": str(world.directory)}
        self.environ = environ | world.settings(**changes)

    async def types(self, *words: str) -> tuple[int, str, str]:
        """Exit status, output, and what went to standard error."""
        return await typed(*words, environ=self.environ)

    async def succeeds(self, *words: str) -> str:
        status, output, error = await self.types(*words)
        assert (status, error) == (0, "")
        return output

    async def fails(self, *words: str) -> str:
        """The one line that says why."""
        status, output, error = await self.types(*words)
        assert (status, output) == (1, "")
        (line,) = error.splitlines()
        assert line.startswith("coze-bridge: ")
        return line

    async def people(self) -> dict[str, dict]:
        found = json.loads(await self.succeeds("people", "--json"))
        return {one["sender"]: one for one in found}


async def answered(world, person, text):
    await world.telegram.wait(lambda: text in world.telegram.texts(person) or None)


async def test_a_stranger_is_let_in_listed_shut_out_and_forgotten(world, database):
    changes = {"ALLOW": "", **database}
    operator = Operator(world, changes)
    async with world.process(**changes) as process:
        world.telegram.say(EVE, EVE, "hello")
        (text,) = await world.telegram.wait(lambda: world.telegram.texts(EVE))
        code = CODE.findall(text)[0]
        assert (await operator.people())[str(EVE)]["access"] == "waiting"
        assert "mistyped" in await operator.fails("allow", "ABCD-EFGH")
        said = await operator.succeeds("allow", code.lower().replace("-", ""))
        assert f"telegram:{EVE} (account 123456) may talk to the bot now" in said
        await operator.fails("allow", code)

        world.telegram.say(EVE, EVE, "echo: one")
        await answered(world, EVE, "one")
        eve = (await operator.people())[str(EVE)]
        assert (eve["access"], eve["platform"], eve["account"], eve["questions"]) == (
            "paired",
            "telegram",
            "123456",
            1,
        )
        (line,) = (await operator.succeeds("people")).splitlines()
        assert line.split()[:2] == [str(eve["id"]), "paired"]
        assert "1 question " in line

        assert "is blocked" in await operator.succeeds("people", "block", f"telegram:{EVE}")
        assert (await operator.people())[str(EVE)]["access"] == "blocked"
        world.telegram.say(EVE, EVE, "echo: shut out")
        assert "may talk" in await operator.succeeds("people", "allow", f"telegram:{ANN}")
        world.telegram.say(ANN, ANN, "echo: two")
        await answered(world, ANN, "two")
        assert "not blocked any more" in await operator.succeeds("people", "unblock", str(eve["id"]))
        assert "is not blocked" in await operator.fails("people", "unblock", str(eve["id"]))
        assert "may talk" in await operator.succeeds("people", "allow", str(eve["id"]))
        world.telegram.say(EVE, EVE, "echo: three")
        await answered(world, EVE, "three")

        await operator.succeeds("people", "block", str(eve["id"]))
        said = await operator.succeeds("people", "forget", str(eve["id"]))
        assert "that is forgotten, too" in said
        assert "turns 3, posts 3, conversations 1." in said
        assert "Coze" in said
        assert list(await operator.people()) == [str(ANN)]
        assert process.inner.returncode is None
    assert world.telegram.texts(EVE)[1:] == ["one", "three"]
    assert not any("Traceback" in line or "this is a bug" in line for line in process.log)


async def test_forgetting_while_an_answer_grows_leaves_the_service_whole(world, database):
    operator = Operator(world, database)
    world.coze.script("long", Answer(text="word " * 2000))
    async with world.process(**database) as process:
        world.telegram.say(EVE, EVE, "long please")
        await world.telegram.wait(lambda: world.telegram.texts(EVE))
        said = await operator.succeeds("people", "forget", f"telegram:{EVE}")
        assert "erased telegram:" in said
        world.telegram.say(ANN, ANN, "echo: fine")
        await answered(world, ANN, "fine")
        assert process.inner.returncode is None
        assert await process.terminate() == 0
    assert not any("Traceback" in line or "this is a bug" in line for line in process.log)
