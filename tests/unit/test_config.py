"""Settings: where they come from, and one clear line for each mistake."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.coze.auth import jwt_auth
from bridge.config import NAMES, load, strays
from bridge.errors import ConfigError

TELEGRAM = {"TELEGRAM_BOT_TOKEN": "123456:secret-token"}
COZE = {"COZE_API_TOKEN": "pat_secret", "COZE_BOT_ID": "7400"}
SLACK = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
WHOLE = TELEGRAM | COZE


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_defaults_are_those_of_the_contract():
    settings = load(None, {})
    assert settings.coze_api_base == "https://api.coze.cn"
    assert settings.database_url == "sqlite+aiosqlite:///data/coze-bridge.db"
    assert settings.http_listen == "127.0.0.1:8080"
    assert (settings.slack_dm, settings.slack_streaming, settings.telegram_streaming) == ("thread", "auto", "edit")
    assert (settings.drain_seconds, settings.log_level, settings.allow) == (20, "INFO", None)


def test_environment_beats_secret_files_beat_the_file(tmp_path):
    (tmp_path / "coze-bridge.toml").write_text(
        'coze_api_token = "of-file"\nCOZE_BOT_ID = "1"\nhttp_listen = "[::1]:1"\n'
    )
    (tmp_path / "secret").write_text("of-secret-file\n")
    named = {"COZE_API_TOKEN_FILE": str(tmp_path / "secret")}
    token = load(None, {}).coze_api_token
    assert token is not None
    assert token.get_secret_value() == "of-file"
    token = load(None, named).coze_api_token
    assert token is not None
    assert token.get_secret_value() == "of-secret-file"
    token = load(None, named | {"COZE_API_TOKEN": "of-env"}).coze_api_token
    assert token is not None
    assert token.get_secret_value() == "of-env"
    assert load(None, {}).coze_bot_id == "1"


def test_systemd_credentials_are_found(tmp_path):
    (tmp_path / "TELEGRAM_BOT_TOKEN").write_text("1:abc")
    settings = load(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert settings.telegram_bot_token is not None
    assert settings.telegram_bot_token.get_secret_value() == "1:abc"


def test_an_empty_variable_is_no_setting():
    settings = load(None, {"ALLOW": "", "LOG_LEVEL": "", "COZE_API_TOKEN": " \t "})
    assert (settings.allow, settings.log_level, settings.coze_api_token) == (None, "INFO", None)


def test_what_editors_and_shells_add_around_a_value_is_no_fault(tmp_path):
    (tmp_path / "x.toml").write_text('coze_bot_id = "7400"\n', encoding="utf-8-sig")
    (tmp_path / "token").write_text("pat_secret\r\n", encoding="utf-8-sig")
    environ = {"COZE_API_TOKEN_FILE": str(tmp_path / "token"), "TELEGRAM_BOT_TOKEN": " 1:abc\n"}
    settings = load(tmp_path / "x.toml", environ)
    assert settings.coze_bot_id == "7400"
    assert {"pat_secret", "1:abc"} == set(settings.secrets())


def test_the_database_may_be_named_in_a_file_as_its_url_holds_a_password(tmp_path):
    (tmp_path / "DATABASE_URL").write_text("postgresql+asyncpg://u:hunter2@h/d\n")
    settings = load(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert settings.database_url == "postgresql+asyncpg://u:hunter2@h/d"
    assert settings.secrets()[0] == "hunter2"


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("COZE_API_BASE", "https://api.coze.com/", "https://api.coze.com/"),
        ("COZE_API_BASE", "http://192.168.1.5:8888/studio", "http://192.168.1.5:8888/studio"),
        ("TELEGRAM_API_BASE", "https://robots.example/telegram-bot-api", "https://robots.example/telegram-bot-api"),
        ("SLACK_API_BASE", "https://slack.com/api", "https://slack.com/api/"),
        ("SLACK_API_BASE", "http://127.0.0.1:1/gateway", "http://127.0.0.1:1/gateway/"),
        ("HTTP_LISTEN", "[::1]:8080", "[::1]:8080"),
        ("HTTP_LISTEN", "0.0.0.0:0", "0.0.0.0:0"),
        ("DATABASE_URL", "sqlite+aiosqlite:///with space/数据.db", "sqlite+aiosqlite:///with space/数据.db"),
        ("ALLOW", "telegram:1, slack:T012", "telegram:1, slack:T012"),
    ],
)
def test_what_is_right_is_taken(name, value, taken):
    assert getattr(load(None, {name: value}), name.lower()) == taken


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.telegram.org", "https://bot.example/telegram/webhook"),
        ("https://api.telegram.org", "https://bot.example/mapped/by/a/proxy"),
        ("https://api.telegram.org", "https://bot.example:8443/behind/a/proxy/telegram/webhook"),
        ("http://bot-api.example:8081", "http://10.0.0.7:8080/telegram/webhook"),
    ],
)
def test_where_telegram_may_call_depends_on_whose_server_it_is(base, url):
    webhook = {"TELEGRAM_API_BASE": base, "TELEGRAM_WEBHOOK_URL": url, "TELEGRAM_WEBHOOK_SECRET": "s"}
    load(None, WHOLE | webhook).require_run()


def test_no_real_token_is_taken_for_a_placeholder():
    token = "12345678:AAHexampleYour_x-ToDo-xxxxxxxxxxxxx_xchangeme"
    load(None, {"TELEGRAM_BOT_TOKEN": token})


def test_the_watchdog_of_another_process_is_not_ours():
    load(None, {"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"})
    load(None, {"WATCHDOG_USEC": "10000000"})
    with pytest.raises(ConfigError, match="lease_seconds"):
        load(None, {"WATCHDOG_USEC": "15000000"})


def test_what_looks_like_a_setting_is_named_unless_the_setting_is_there_too():
    assert strays({"TELEGRAM_TOKEN": "x", "COZE_BOTID": "1"}) == [
        "COZE_BOTID is no setting and is ignored; did you mean COZE_BOT_ID?",
        "TELEGRAM_TOKEN is no setting and is ignored; did you mean TELEGRAM_BOT_TOKEN?",
    ]
    assert strays(WHOLE | {"TELEGRAM_TOKEN": "x", "COZE_API_BASE_FILE": "y", "PATH": "/bin", "LOGNAME": "me"}) == [
        "COZE_API_BASE_FILE is no setting and is ignored; did you mean COZE_API_BASE?"
    ]
    assert strays({"SLACK_APP_TOKEN_FILE": "x", "TELEGRAM_RATHER_DIFFERENT": "x", "SLACK_WEBHOOK_URL": "x"}) == []
    assert strays({"ALLOWED": "x"}) == ["ALLOWED is no setting and is ignored; did you mean ALLOW?"]


def test_levels_are_taken_in_any_case():
    assert load(None, {"LOG_LEVEL": "debug"}).log_level == "DEBUG"


@pytest.mark.parametrize(
    "environ", [WHOLE, COZE | SLACK, COZE | {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s"}]
)
def test_what_is_whole_may_run(environ):
    load(None, environ).require_run()


def test_a_private_key_may_be_written_on_one_line():
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    given = load(None, {"COZE_JWT_OAUTH_PRIVATE_KEY": pem.replace("\n", "\\n")}).coze_jwt_oauth_private_key
    assert given is not None
    jwt_auth("client", "key", given.get_secret_value(), "https://api.coze.cn")


def test_a_jwt_trio_stands_in_for_a_token():
    trio = {f"COZE_JWT_OAUTH_{name}": "x" for name in ("CLIENT_ID", "PUBLIC_KEY_ID", "PRIVATE_KEY")}
    load(None, TELEGRAM | trio | {"COZE_BOT_ID": "1"}).require_run()


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, "TELEGRAM_BOT_TOKEN"),
        (TELEGRAM, "COZE_API_TOKEN"),
        (TELEGRAM | {"COZE_API_TOKEN": "x"}, "COZE_BOT_ID"),
        (TELEGRAM | {"COZE_BOT_ID": "1", "COZE_JWT_OAUTH_CLIENT_ID": "c"}, "COZE_JWT_OAUTH_PUBLIC_KEY_ID"),
        (WHOLE | {"COZE_JWT_OAUTH_CLIENT_ID": "c"}, "COZE_JWT_OAUTH_CLIENT_ID"),
        (COZE | {"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_APP_TOKEN"),
        (COZE | {"SLACK_APP_TOKEN": "xapp-1"}, "SLACK_BOT_TOKEN"),
        (COZE | {"SLACK_SIGNING_SECRET": "s"}, "SLACK_BOT_TOKEN"),
        (WHOLE | {"SLACK_APP_TOKEN": "xapp-1"}, "SLACK_BOT_TOKEN"),
        (WHOLE | {"TELEGRAM_WEBHOOK_URL": "https://x.example/telegram/webhook"}, "TELEGRAM_WEBHOOK_SECRET"),
        (WHOLE | {"TELEGRAM_WEBHOOK_SECRET": "abc"}, "TELEGRAM_WEBHOOK_URL"),
        (COZE | SLACK | {"TELEGRAM_WEBHOOK_SECRET": "abc"}, "TELEGRAM_BOT_TOKEN"),
        (WHOLE | {"TELEGRAM_BOT_TOKEN": "nonsense"}, "TELEGRAM_BOT_TOKEN"),
        (WHOLE | {"SLACK_BOT_TOKEN": "nonsense"}, "SLACK_BOT_TOKEN"),
        (WHOLE | {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xoxb-1"}, "SLACK_APP_TOKEN"),
        (WHOLE | {"TELEGRAM_WEBHOOK_SECRET": "a b"}, "TELEGRAM_WEBHOOK_SECRET"),
        (WHOLE | {"COZE_API_BASE": "api.coze.cn"}, "COZE_API_BASE"),
        (WHOLE | {"TELEGRAM_API_BASE": "ftp://x"}, "TELEGRAM_API_BASE"),
        (WHOLE | {"SLACK_API_BASE": "http://"}, "SLACK_API_BASE"),
        (WHOLE | {"HTTP_LISTEN": "8080"}, "HTTP_LISTEN"),
        (WHOLE | {"HTTP_LISTEN": "127.0.0.1:99999"}, "HTTP_LISTEN"),
        (WHOLE | {"HTTP_LISTEN": "127.0.0.1:http"}, "HTTP_LISTEN"),
        (WHOLE | {"DRAIN_SECONDS": "soon"}, "DRAIN_SECONDS"),
        (WHOLE | {"DRAIN_SECONDS": "-1"}, "DRAIN_SECONDS"),
        (WHOLE | {"DRAIN_SECONDS": "inf"}, "DRAIN_SECONDS"),
        (WHOLE | {"LOG_FORMAT": "xml"}, "LOG_FORMAT"),
        (WHOLE | {"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
        (WHOLE | {"SLACK_DM": "both"}, "SLACK_DM"),
        (WHOLE | {"SLACK_STREAMING": "maybe"}, "SLACK_STREAMING"),
        (WHOLE | {"TELEGRAM_STREAMING": "drafts"}, "TELEGRAM_STREAMING"),
        (WHOLE | {"ALLOW": "alice"}, "ALLOW"),
        (WHOLE | {"ALLOW": "telegram:1,slack:"}, "ALLOW"),
        (WHOLE | {"COZE_API_TOKEN_FILE": "/nonexistent/x", "COZE_API_TOKEN": ""}, "COZE_API_TOKEN_FILE"),
    ],
)
def test_each_mistake_is_one_line_that_names_the_setting(environ, named):
    with pytest.raises(ConfigError) as caught:
        load(None, environ).require_run()
    message = str(caught.value)
    assert named in message
    assert "\n" not in message
    assert "secret" not in message.replace("SECRET", "").replace("_secret", "").replace("its secret", "")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("coze_api_tokne = 'x'", "coze_api_tokne"),
        ("[tuning]\nworkesr = 3", "workesr"),
        ("[tuning]\nworkers = 0", "tuning.workers"),
        ("[tuning]\nmedia_networks = ['10.1']", "tuning.media_networks: 10.1 is no network"),
        ("[tuning]\nmedia_networks = ['10.0.0.1/8']", "tuning.media_networks: 10.0.0.1/8 is no network"),
        ("[tuning]\nmedia_networks = [10]", "tuning.media_networks.0: must be text"),
        ("[tuning]\nmedia_networks = '10.0.0.0/8'", "tuning.media_networks: must be a list"),
        ("tuning = 3", "tuning"),
        ("[tuning]\nalbum_seconds = 10.5", "tuning.album_seconds: must be at most 10"),
        ("[voice]\ndefault = ' '", "voice.default: is blank; name a voice"),
        ("coze_bot_id = [", "not valid TOML"),
        ("coze_bot_id = 12", "COZE_BOT_ID"),
    ],
)
def test_mistakes_in_the_file(tmp_path, content, part):
    path = tmp_path / "x.toml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path / "missing.toml", {})
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path / "binary", {})
    (tmp_path / "empty").write_text(" \n")
    with pytest.raises(ConfigError, match="is empty"):
        load(None, {"COZE_API_TOKEN_FILE": str(tmp_path / "empty")})


def test_secrets_are_known_for_blanking_and_shown_by_nothing():
    url = "postgresql+asyncpg://u:hunter2@h/d"
    settings = load(None, WHOLE | {"DATABASE_URL": url})
    assert set(settings.secrets()) == {"123456:secret-token", "pat_secret", "hunter2"}
    assert "secret-token" not in repr(settings)
    assert "pat_secret" not in str(settings)


def test_every_variable_of_the_contract_is_known():
    assert {"coze_api_base", "slack_signing_secret", "drain_seconds", "allow", "telegram_webhook_secret"} <= set(NAMES)


@pytest.mark.parametrize("url", ["https://bot.example", "https://bot.example/"])
def test_a_webhook_without_a_path_is_called_where_we_answer(url: str) -> None:
    webhook = {"TELEGRAM_WEBHOOK_URL": url, "TELEGRAM_WEBHOOK_SECRET": "s"}
    assert load(None, WHOLE | webhook).telegram_webhook_url == "https://bot.example/telegram/webhook"


def test_words_may_be_in_any_case():
    settings = load(
        None, {"LOG_FORMAT": "JSON", "SLACK_DM": "Person", "LOG_LEVEL": "debug", "TELEGRAM_STREAMING": "Off"}
    )
    assert (settings.log_format, settings.slack_dm, settings.telegram_streaming) == ("json", "person", "off")


LOGIN = {
    "COZE_LOGIN_CLIENT_ID": "app",
    "COZE_LOGIN_URL": "https://bridge.example",
    "COZE_LOGIN_KEY": "k" * 32,
}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"COZE_LOGIN_KEY": ""}, "COZE_LOGIN_KEY is missing: /login needs"),
        ({"COZE_LOGIN_CLIENT_ID": ""}, "COZE_LOGIN_CLIENT_ID is missing: /login needs"),
        ({"COZE_LOGIN_URL": ""}, "COZE_LOGIN_URL is missing: /login needs"),
        ({"COZE_LOGIN_KEY": "short"}, "COZE_LOGIN_KEY: must have 32 characters or more"),
        ({"COZE_LOGIN_KEY": "k" * 40 + ",short"}, "COZE_LOGIN_KEY: must have 32 characters or more"),
        ({"COZE_LOGIN_URL": "http://bridge.example"}, "COZE_LOGIN_URL: must begin with https://"),
        ({"COZE_TOKEN_EXPIRES": "soon"}, "COZE_TOKEN_EXPIRES: must be a day, such as 2026-12-31"),
        ({"COZE_JWT_OAUTH_SESSIONS": "perhaps"}, "COZE_JWT_OAUTH_SESSIONS: must be true or false"),
    ],
)
def test_logging_in_is_configured_as_a_whole(changes, line):
    base = {"COZE_API_TOKEN": "pat_x", "COZE_BOT_ID": "1", "TELEGRAM_BOT_TOKEN": "1:abc"}
    load(None, base | LOGIN).require_run()
    with pytest.raises(ConfigError) as wrong:
        load(None, base | LOGIN | changes).require_run()
    assert str(wrong.value).startswith(line)
    assert "k" * 32 not in str(wrong.value)


def test_a_bare_host_means_our_path_and_both_keys_are_secret():
    settings = load(None, LOGIN | {"COZE_LOGIN_KEY": f"{'n' * 32},{'o' * 32}", "COZE_LOGIN_CLIENT_SECRET": "s" * 9})
    assert settings.coze_login_url == "https://bridge.example/coze/login"
    assert {"n" * 32, "o" * 32, "s" * 9} <= set(settings.secrets())
    load(None, {"COZE_LOGIN_PATH": "login.json", "COZE_BOT_ID": "1"}).require_coze()
