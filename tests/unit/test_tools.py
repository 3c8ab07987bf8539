"""Tools that run here: what their arguments and options may be, and what a setting that is wrong says."""

import json

import pytest
from aiohttp import web

from adapters.tools import loaded
from adapters.tools.examples import clock, http_get
from bridge.build import build_checks
from bridge.clock import SystemClock
from bridge.config import made_of
from bridge.doctor import look_at_settings
from bridge.errors import ConfigError, Refused
from bridge.findings import State
from simulators.wire import Served

EXAMPLES = "adapters.tools.examples"


def load(call, name="t", **options):
    return loaded(name, call, ask=False, seconds=1.0, options=options)


# ---- what the settings may say


@pytest.mark.parametrize(
    ("call", "options", "said"),
    [
        ("no_such_module:f", {}, "tools.t.call: there is no module no_such_module; install it"),
        ("adapters.nothing:f", {}, "tools.t.call: there is no module adapters.nothing; install it"),
        ("tests.tools.needy:f", {}, "importing tests.tools.needy failed (No module named 'no_such_thing'); install"),
        ("tests.tools.broken:f", {}, "importing tests.tools.broken failed (ZeroDivisionError: division by zero)"),
        (f"{EXAMPLES}:nothing", {}, f"tools.t.call: {EXAMPLES} has no function nothing; mend the name"),
        (f"{EXAMPLES}:HTTP_BYTES", {}, "is no function; name one"),
        ("tests.tools.samples:bare", {}, "its argument place has no type; annotate it: place: str"),
        ("tests.tools.samples:many", {}, "its argument more cannot be given by name"),
        ("tests.tools.samples:strange", {}, "the type of its argument thing is no plain data"),
        ("tests.tools.samples:unknown", {}, "annotate them with types that exist"),
        (f"{EXAMPLES}:http_get", {}, "tools.t.options: allow: is missing; "),
        (f"{EXAMPLES}:http_get", {"allow": []}, "tools.t.options: allow: List should have at least 1 item"),
        (f"{EXAMPLES}:http_get", {"allow": ["example.com"]}, "allow.0: example.com is no address to begin with"),
        (f"{EXAMPLES}:http_get", {"allow": ["http://a/"], "networks": ["x"]}, "networks.0: 'x' does not appear"),
        (f"{EXAMPLES}:clock", {"timezone": "UTC"}, "tools.t.options: timezone: is no argument of it"),
    ],
)
def test_a_tool_that_cannot_be_called_is_one_line_with_the_mend(call, options, said):
    with pytest.raises(ConfigError) as failed:
        load(call, **options)
    assert said in str(failed.value)
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize("name", ["", "get rain", "天气", "x.y", "x" * 65])
def test_a_name_that_no_model_can_call_is_one_line_with_the_mend(name):
    section = {"call": f"{EXAMPLES}:clock"}
    assert list(made_of({"tools": {"get_Rain-2": section}}).tools) == ["get_Rain-2"]
    with pytest.raises(ConfigError, match="is no name for a tool; give it 1 to 64 of A-Z a-z 0-9 _ -") as failed:
        made_of({"tools": {name: section}})
    assert "\n" not in str(failed.value)


def test_what_stands_behind_the_star_is_the_operators_and_never_the_models():
    tool = load(f"{EXAMPLES}:http_get", allow=["https://example.com/"])
    assert list(tool.wanted) == ["url"]
    assert tool.options == {"allow": ["https://example.com/"]}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "tools.x.call: is missing; set it"),
        ({"call": "nonsense"}, 'tools.x.call: must be "module:function", such as'),
        ({"call": f"{EXAMPLES}:clock", "timeout_seconds": 0}, "tools.x.timeout_seconds: must be more than 0"),
        ({"call": f"{EXAMPLES}:clock", "timeout_seconds": 601}, "tools.x.timeout_seconds: must be at most 600"),
        ({"call": f"{EXAMPLES}:clock", "asks": True}, "tools.x.asks: is no key of that section; the known ones are in"),
        ({"call": f"{EXAMPLES}:clock", "ask": "perhaps"}, "tools.x.ask: must be true or false"),
    ],
)
def test_a_section_that_is_wrong_is_one_line(section, said):
    with pytest.raises(ConfigError) as failed:
        made_of({"tools": {"x": section}})
    assert said in str(failed.value)


def test_doctor_says_it_too(tmp_path):
    path = tmp_path / "bridge.toml"
    path.write_text('[tools.x]\ncall = "nonsense"\n', encoding="utf-8")
    _, wrong, found = look_at_settings(path, {})
    assert "tools" in wrong
    assert any("tools.x.call" in finding.what for finding in found)


async def test_doctor_tries_each_of_them():
    section = {"call": f"{EXAMPLES}:clock", "ask": True}
    settings = made_of({"tools": {"good": section, "bad": {"call": "no_such_module:f"}}})
    (check,) = [check for check in build_checks(settings, SystemClock()) if check.name == "tools"]
    good, bad = [finding async for finding in check.look()]
    assert (good.name, good.state, good.what) == ("tool good", State.OK, "takes timezone; the person is asked first")
    assert (bad.name, bad.state) == ("tool bad", State.WRONG)
    assert bad.mend == "install it beside coze-bridge, or mend the name"
    assert not [check for check in build_checks(made_of({}), SystemClock()) if check.name == "tools"]


# ---- the two examples


def test_the_clock_tells_the_time_of_a_place():
    told = clock("Asia/Shanghai")
    assert told["time"].endswith("+08:00")
    assert told["weekday"].endswith("day")
    for wrong in ("Nowhere", "../../etc/passwd", "", "a\0b"):
        with pytest.raises(ValueError, match="no time zone"):
            clock(wrong)


@pytest.fixture
async def site():
    async def page(request):
        match request.match_info["path"]:
            case "v1/away":
                raise web.HTTPFound("/v2/page")
            case "v1/on":
                raise web.HTTPFound("/v1/page")
            case "v1/big":
                return web.Response(body=b"x" * 300_000)
            case "v1/missing":
                raise web.HTTPNotFound
            case "v1/zh":
                return web.Response(body="河南".encode("gbk"), headers={"Content-Type": "text/plain; charset=gbk"})
            case path:
                return web.Response(text=f"page {path}")

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    async with Served(app) as served:
        yield served.url


@pytest.mark.parametrize(
    ("path", "text"), [("v1/page?q=1", "page v1/page"), ("v1/on", "page v1/page"), ("v1", "page v1")]
)
async def test_what_is_on_the_list_is_fetched(site, path, text):
    assert await http_get(f"{site}/{path}", allow=[f"{site}/v1"]) == text


async def test_it_is_read_in_its_own_characters(site):
    assert await http_get(f"{site}/v1/zh", allow=[f"{site}/"]) == "河南"


@pytest.mark.parametrize(
    "path",
    [
        "v2/page",
        "v10",
        "v1/../v2/page",
        "v1/%2e%2e/v2/page",
        "v1/%252e%252e/v2/page",
        "v1/..;/v2/page",
        "v1\\..\\v2",
        "v1/..%2fv2/page",
        "v1/away",
        "v1/big",
        "v1/missing",
    ],
)
async def test_what_is_not_on_the_list_or_too_much_is_refused(site, path):
    with pytest.raises(Refused):
        await http_get(f"{site}/{path}", allow=[f"{site}/v1/"])


@pytest.mark.parametrize(
    "url",
    ["ftp://{host}/v1/", "https://{host}/v1/", "http://me@{host}/v1/", "http://{host}.evil.example/v1/", "v1", ""],
)
async def test_another_scheme_or_host_is_refused(site, url):
    with pytest.raises(Refused):
        await http_get(url.format(host=site.removeprefix("http://")), allow=[f"{site}/v1/"])


async def test_a_name_that_leads_to_a_private_address_is_refused_unless_its_network_is_listed(site):
    url = site.replace("127.0.0.1", "localhost")
    with pytest.raises(Refused, match="not a public address"):
        await http_get(f"{url}/v1/page", allow=[f"{url}/"])
    assert await http_get(f"{url}/v1/page", allow=[f"{url}/"], networks=["127.0.0.0/8", "::1/128"]) == "page v1/page"


def test_what_the_examples_say_is_json():
    assert json.loads(json.dumps(clock()))["timezone"] == "UTC"
