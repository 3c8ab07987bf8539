"""When Coze refuses for a reason that only the operator can mend, the people named in ADMINS hear of it."""

from simulators.coze.answers import Answer
from simulators.slack.state import TEAM
from tests.e2e.worlds import settled

ANN, OPERATOR = 1001, 9009


async def test_the_operator_is_told_in_telegram_and_slack_and_again_when_it_is_over(world):
    world.coze.fault("code", value="4028", times=2)
    async with world.bridge(ADMINS=f"telegram:{OPERATOR}, slack:{TEAM}:UBOB") as app:
        world.telegram.add_chat(OPERATOR)
        for number in range(2):
            world.telegram.say(ANN, ANN, f"echo: {number}")
            await settled(app, number + 3)  # the first tells two people
        world.telegram.say(ANN, ANN, "echo: it works")
        await settled(app, 7)
    assert world.telegram.texts(ANN)[2] == "it works"
    quota, over = world.telegram.texts(OPERATOR)
    log_id = next(call["logid"] for call in world.coze.calls if call.get("fault") == "code")
    for part in ("quota of the plan is used up", "Extend the plan", "4028", log_id, "concerned: 1", "套餐额度用完了"):
        assert part in quota
    assert "Over" in over
    direct = world.slack.workspace.direct("UBOB").id
    first, second = world.slack.texts(direct)
    assert log_id in first
    assert "Over" in second
    assert world.slack.bot_messages(direct)[0].thread_ts is None


async def test_of_a_tool_that_is_not_there_the_operator_hears_once(world):
    world.coze.script("rain", Answer(text="Wet.", end="requires_action"))
    async with world.bridge(ADMINS=f"telegram:{OPERATOR}", SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="") as app:
        world.telegram.add_chat(OPERATOR)
        world.telegram.say(ANN, ANN, "rain?")
        await settled(app, 2)
        world.telegram.say(ANN, ANN, "rain again?")
        await settled(app, 3)
    assert [said.startswith("Wet.\n\n⚠️") for said in world.telegram.texts(ANN)] == [True, True]
    (said,) = world.telegram.texts(OPERATOR)
    for part in ("a tool that this service does not have", "[tools.NAME]", "concerned: 1", "没有的工具"):
        assert part in said


async def test_an_admin_who_never_wrote_to_the_bot_holds_up_nothing(world):
    world.coze.fault("code", value="4100", times=1)
    async with world.bridge(ADMINS="telegram:404404", SLACK_BOT_TOKEN="", SLACK_APP_TOKEN="") as app:
        world.telegram.say(ANN, ANN, "echo: one")
        await settled(app, 2)
        world.telegram.say(ANN, ANN, "echo: two")
        await settled(app, 4)
    refused, answered = world.telegram.texts(ANN)
    assert "credentials" in refused
    assert answered == "two"
