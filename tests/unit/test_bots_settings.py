"""The sections [bot], [bots.NAME] and [[routes]]: what they take, and one clear line for each mistake."""

import pytest

from adapters.log import Redact
from adapters.metrics import Metrics
from bridge.build import build_bots
from bridge.clock import SystemClock
from bridge.config import load
from bridge.errors import BotFailed, ConfigError
from bridge.model import Address

COZE = {"COZE_API_TOKEN": "pat_secret", "COZE_BOT_ID": "7400", "TELEGRAM_BOT_TOKEN": "1:x"}
CANARY = "pat_CANARY"
SALES = '[bots.sales]\nbot_id = "7401"\n'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(tmp_path, content, environ=COZE):
    path = tmp_path / "x.toml"
    path.write_text(content, encoding="utf-8")
    return load(path, environ)


def test_several_bots_and_who_answers_where(tmp_path):
    settings = read(
        tmp_path,
        f"""
log_level = "ERROR"
[bot]
mode = "chatflow"
workflow_id = "7500"
parameters = {{CONVERSATION_NAME = "main", deep = {{list = [1, 2.5, true]}}}}
{SALES}
draft = true
variables = {{name = "{{name}}"}}
[bots.abroad]
bot_id = "7402"
api_base = "https://api.coze.com"
api_token = "{CANARY}"
[[routes]]
bot = "sales"
platform = "slack"
chat = "C1"
[[routes]]
bot = "abroad"
chat = "-1001"
thread = "7"
""",
    )
    assert settings.log_level == "ERROR"
    assert (settings.bot.mode, settings.bot.workflow_id) == ("chatflow", "7500")
    assert settings.bot.parameters["deep"] == {"list": [1, 2.5, True]}
    assert (settings.bots["sales"].bot_id, settings.bots["sales"].draft) == ("7401", True)
    assert [route.bot for route in settings.routes] == ["sales", "abroad"]
    settings.require_run()


async def test_the_first_route_that_fits_counts(tmp_path):
    routes = [("sales", 'platform = "slack"'), ("abroad", 'chat = "C1"'), ("abroad", 'account = "9"\nthread = "7"')]
    content = SALES + '[bots.abroad]\nbot_id = "7402"\n'
    content += "".join(f'[[routes]]\nbot = "{bot}"\n{place}\n' for bot, place in routes)
    bots = build_bots(read(tmp_path, content), SystemClock(), Metrics())
    try:
        assert list(bots.names) == ["", "sales", "abroad"]
        for platform, account, chat, thread, name in [
            ("slack", "T1", "C1", "", "sales"),
            ("telegram", "9", "C1", "", "abroad"),
            ("telegram", "9", "5", "7", "abroad"),
            ("telegram", "9", "5", "8", ""),
            ("telegram", "8", "5", "7", ""),
        ]:
            assert bots.route(Address(platform=platform, account=account, chat=chat, thread=thread)) == name
        with pytest.raises(BotFailed) as caught:
            bots.of("fired")
        assert caught.value.say == "no_bot"
    finally:
        await bots.aclose()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        # ---- keys
        ('[bots.sales]\nbot_idd = "1"', ["bots.sales.bot_idd", "no key of that section"]),
        ('[bot]\nmodes = "chat"', ["unknown key 'modes' in [bot]", "did you mean mode?"]),
        ('[[routes]]\nbot = "sales"\nchanel = "1"\n' + SALES, ["routes.0.chanel", "no key of that section"]),
        ('[bots]\nbot_id = "1"', ["bots.bot_id", "[bots.NAME]"]),
        ('[[bots]]\nbot_id = "1"', ["bots:", "[bots.NAME]"]),
        ('bots = "sales"', ["bots:", "[bots.NAME]"]),
        ('[routes]\nbot = "sales"\n' + SALES, ["routes:", "[[routes]]"]),
        ("bot = 3", ["bot:", "[bot]"]),
        ('[bot]\nmode = "workflow"', ["bot: a workflow needs workflow_id"]),
        # ---- values
        ("[bots.sales]\nbot_id = 7401", ["bots.sales.bot_id", "quotation marks"]),
        ('[bots.sales]\nbot_id = "https://www.coze.cn/space/1/bot/7401"', ["bots.sales.bot_id", "7401"]),
        (SALES + 'mode = "flow"', ["bots.sales.mode", "'chat', 'chatflow' or 'workflow'"]),
        (SALES + 'draft = "maybe"', ["bots.sales.draft", "true or false"]),
        (SALES + 'draft = true\nversion = "3"', ["bots.sales", "draft and version exclude"]),
        (SALES + "custom_variables = {age = 3}", ["bots.sales.custom_variables.age", "must be text"]),
        (SALES + 'parameters = "x"', ["bots.sales.parameters", "must be a section: a line [bots.sales.parameters]"]),
        (SALES + "parameters = {day = 2026-01-01}", ["bots.sales.parameters", "quotation marks"]),
        (SALES + "parameters = {most = inf}", ["bots.sales.parameters", "quotation marks"]),
        (SALES + '[[routes]]\nbot = "sales"\nplatform = "discord"', ["routes.0.platform", "'telegram' or 'slack'"]),
        (SALES + '[[routes]]\nbot = "sales"\nchat = -1001', ["routes.0.chat", "quotation marks"]),
        # ---- what belongs together
        ("[bots.sales]\ndraft = true", ["bots.sales", "bot_id is missing"]),
        ('[bots.flow]\nmode = "workflow"', ["bots.flow", "needs workflow_id"]),
        (SALES + 'workflow_id = "75"', ["bots.sales", "mode ="]),
        ('[bots.flow]\nmode = "workflow"\nworkflow_id = "75"\ndraft = true', ["bots.flow", "draft is of no use"]),
        (SALES + 'files = "pictures"', ["bots.sales", "files is of no use to a bot"]),
        (SALES + 'api_base = "https://api.coze.com"', ["bots.sales", "needs an api_token"]),
        (SALES + 'api_base = "api.coze.com"', ["bots.sales.api_base", "https://"]),
        ('[[routes]]\nbot = "sale"\n' + SALES, ["routes.0.bot", "[bots.sale]"]),
        ("[[routes]]\n" + SALES, ["routes.0.bot", "is missing"]),
        ('[bot]\nbot_id = "1"', ["bot.bot_id", "COZE_BOT_ID"]),
        ('[bot]\napi_token = "pat_x"', ["bot.api_token", "COZE_API_TOKEN"]),
        # ---- tokens
        (SALES + f'api_token = "Bearer {CANARY}"', ["bots.sales.api_token", "the word Bearer"]),
        (SALES + f"api_token = \"'{CANARY}'\"", ["bots.sales.api_token", "quotation marks"]),
        (SALES + f'api_token = "{CANARY} x"', ["bots.sales.api_token", "a space"]),
        (SALES + 'api_token = ""', ["bots.sales.api_token", "is empty"]),
        (SALES + f'api_token = ["{CANARY}"]', ["bots.sales.api_token", "must be text"]),
        (SALES + f'api_token = "{CANARY}"\nmode = "{CANARY}"', ["bots.sales.mode"]),
    ],
)
def test_each_mistake_is_one_line_that_names_the_key_and_the_mend(tmp_path, content, says):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, content)
    message = str(caught.value)
    assert all(part in message for part in says), message
    assert "\n" not in message
    assert "CANARY" not in message


def test_the_token_of_a_bot_is_a_secret_like_the_others(tmp_path):
    settings = read(tmp_path, SALES + f'api_token = "{CANARY}"')
    assert CANARY in settings.secrets()
    assert "CANARY" not in repr(settings) + str(settings.bots)
    assert "CANARY" not in Redact(settings.secrets()).blank(f"calling with Bearer {CANARY} …")


def test_a_chatflow_needs_no_bot(tmp_path):
    environ = {name: value for name, value in COZE.items() if name != "COZE_BOT_ID"}
    read(tmp_path, '[bot]\nmode = "workflow"\nworkflow_id = "75"', environ).require_run()
    with pytest.raises(ConfigError, match="COZE_BOT_ID is missing"):
        read(tmp_path, "", environ).require_run()


FLOW = '[bot]\nmode = "chatflow"\nworkflow_id = "7"\n'
RUN = '[bot]\nmode = "workflow"\nworkflow_id = "7"\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (RUN + 'files = "input"', "bot: files and input name the same parameter, input; name two"),
        (RUN + "parameters = {input = 1}", "bot: input names a parameter that stands in parameters as well"),
        (RUN + 'input = "q"\nparameters = {q = 1}', "bot: input names a parameter that stands in parameters as well"),
        (FLOW + 'files = "f"\nparameters = {f = 1}', "bot: files names a parameter that stands in parameters as well"),
        (RUN + 'input = ""', "bot.input: is empty; name a parameter"),
        (RUN + 'files = " "', "bot.files: is empty; name a parameter"),
        (FLOW + 'input = "q"', "bot: input is of no use to a chatflow; leave it out"),
        ('[bot]\ninput = "q"', "bot: input is of no use to a bot; leave it out"),
    ],
)
def test_a_parameter_is_given_one_thing(tmp_path, content, said):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, content)
    assert said in str(caught.value).lower()
    assert "\n" not in str(caught.value)


def test_parameters_of_other_names_are_taken(tmp_path):
    assert read(tmp_path, FLOW + 'files = "f"\nparameters = {input = 1}').bot.files == "f"
    assert read(tmp_path, RUN + 'input = "q"\nfiles = "f"\nparameters = {input = 1}').bot.input == "q"


@pytest.mark.parametrize(
    ("platform", "account", "said"),
    [
        ("telegram", "@our_bot", "the number before the colon"),
        ("telegram", "T12", "the number before the colon"),
        ("slack", "123", "which begins with T"),
        ("slack", "team", "which begins with T"),
        ("slack", "T12", ""),
        ("telegram", "12", ""),
    ],
)
def test_a_route_names_an_account_of_its_platform(tmp_path, platform, account, said):
    content = f'{SALES}[[routes]]\nbot = "sales"\nplatform = "{platform}"\naccount = "{account}"\n'
    if not said:
        assert read(tmp_path, content).routes[0].account == account
        return
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, content)
