"""The simulated Coze as the official SDK sees it: streams, memory, refusals, and everything that can go wrong."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
import pytest
from cozepy import (
    AsyncCoze,
    AsyncTokenAuth,
    ChatEvent,
    ChatEventType,
    ChatStatus,
    CozeAPIError,
    CozeInvalidEventError,
    Message,
    MessageObjectString,
    MessageType,
    ToolOutput,
)
from cozepy.conversations.message.feedback import FeedbackType
from cozepy.request import AsyncHTTPClient
from httpx_aiohttp import AiohttpTransport
from pydantic import ValidationError

from simulators.coze import Answer, CozeSimulator, Extra
from simulators.coze.answers import Asked, pieces
from simulators.coze.choice import choose
from simulators.wire import Fault, Served

BOT = "7400000000000000001"
COMPLETED = ChatEventType.CONVERSATION_CHAT_COMPLETED
DELTA = ChatEventType.CONVERSATION_MESSAGE_DELTA


@dataclass(slots=True)
class Rig:
    """A served simulator and the two ways to talk to it."""

    sim: CozeSimulator
    url: str
    coze: AsyncCoze
    http: aiohttp.ClientSession

    async def stream(self, question: str, conversation_id: str | None = None, **more: Any) -> list[ChatEvent]:
        return [event async for event in self.open(question, conversation_id, **more)]

    def open(self, question: str, conversation_id: str | None = None, **more: Any) -> AsyncIterator[ChatEvent]:
        messages = [Message.build_user_question_text(question)]
        more = {"bot_id": BOT, "user_id": "u1", "additional_messages": messages, **more}
        events: AsyncIterator[ChatEvent] = self.coze.chat.stream(conversation_id=conversation_id, **more)
        return events

    async def raw(self, question: str, **query: str) -> str:
        """The bytes of a stream as they are, whatever a parser thinks of them."""
        message = {"role": "user", "content": question, "content_type": "text"}
        body = {"bot_id": BOT, "user_id": "u1", "stream": True, "additional_messages": [message]}
        async with self.http.post(f"{self.url}/v3/chat", json=body, params=query) as response:
            return await response.text()

    async def get(self, path: str, status: int = 200, /, **query: str) -> Any:
        async with self.http.get(self.url + path, params=query) as response:
            assert response.status == status
            return await response.json()

    async def post(self, path: str, body: Any = None, status: int = 200, /, **query: str) -> Any:
        async with self.http.post(self.url + path, json=body, params=query) as response:
            assert response.status == status
            return await response.json()


Serve = Callable[..., Awaitable[Rig]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Rig:
            sim = CozeSimulator(**{"deltas_per_second": 0, **options})
            served = await stack.enter_async_context(Served(sim.app))
            client = AsyncHTTPClient(  # type: ignore[no-untyped-call]
                transport=AiohttpTransport(), timeout=httpx.Timeout(5.0)
            )
            stack.push_async_callback(client.aclose)
            coze = AsyncCoze(auth=AsyncTokenAuth(sim.world.token), base_url=served.url, http_client=client)
            headers = {"Authorization": f"Bearer {sim.world.token}"}
            http = await stack.enter_async_context(aiohttp.ClientSession(headers=headers))
            return Rig(sim, served.url, coze, http)

        yield start


@pytest.fixture
async def rig(serve: Serve) -> Rig:
    return await serve()


def text_of(events: list[ChatEvent]) -> str:
    return "".join(event.message.content for event in events if event.event == DELTA and event.message)


def completed(events: list[ChatEvent], type: MessageType) -> list[str]:
    wanted = ChatEventType.CONVERSATION_MESSAGE_COMPLETED
    return [e.message.content for e in events if e.event == wanted and e.message and e.message.type == type]


def chat_of(events: list[ChatEvent]) -> tuple[str, str]:
    chat = events[0].chat
    assert chat
    return chat.conversation_id, chat.id


# Streams


async def test_plain_stream(rig: Rig) -> None:
    events = await rig.stream("echo: Hello, wörld 你好 🚲")
    names = [event.event.value for event in events]
    assert names[:2] == ["conversation.chat.created", "conversation.chat.in_progress"]
    assert names[-1] == "conversation.chat.completed"
    assert text_of(events) == "Hello, wörld 你好 🚲" == completed(events, MessageType.ANSWER)[0]
    finish = json.loads(completed(events, MessageType.VERBOSE)[0])
    assert finish["msg_type"] == "generate_answer_finish"
    assert json.loads(finish["data"])["finish_reason"] == 0
    last = events[-1].chat
    assert last
    assert last.status == ChatStatus.COMPLETED
    assert last.usage
    assert last.usage.token_count > 0
    assert len(rig.sim.asked("Hello")) == 1
    assert len(rig.sim.chats[0].deltas) == names.count("conversation.message.delta")


async def test_frames_are_those_of_the_cloud(rig: Rig) -> None:
    rig.sim.script("hi", Answer(deltas=["你", "好！"], follow_ups=["讲个笑话"]))
    frames = (await rig.raw("hi")).split("\n\n")
    assert frames.pop() == ""
    assert [frame.split("\n")[0] for frame in frames] == [
        "event:conversation.chat.created",
        "event:conversation.chat.in_progress",
        "event:conversation.message.delta",
        "event:conversation.message.delta",
        "event:conversation.message.completed",
        "event:conversation.message.completed",
        "event:conversation.message.completed",
        "event:conversation.chat.completed",
        "event:done",
    ]
    chat, message = rig.sim.chats[0], rig.sim.chats[0].messages[0]
    ids = f'"conversation_id":"{chat.conversation_id}","bot_id":"{BOT}"'
    assert frames[0].split("\n")[1] == (
        f'data:{{"id":"{chat.id}",{ids},"created_at":{chat.created_at},"last_error":{{"code":0,"msg":""}},'
        '"status":"created","usage":{"token_count":0,"output_count":0,"input_count":0},'
        f'"section_id":"{chat.section_id}"}}'
    )
    assert frames[2].split("\n")[1] == (
        f'data:{{"id":"{message.id}",{ids},"role":"assistant","type":"answer","content":"你","content_type":"text",'
        f'"chat_id":"{chat.id}","section_id":"{chat.section_id}","created_at":{message.created_at}}}'
    )
    assert frames[-1] == 'event:done\ndata:"[DONE]"'


async def test_line_separators_are_escaped(rig: Rig) -> None:
    text = "a\u2028b\u2029c\u0085d\x0be \ud83d end"
    rig.sim.script("odd", Answer(text=text))
    raw = await rig.raw("odd")
    assert "\\u2028" in raw
    assert "\\u0085" in raw
    assert "\u2028" not in raw
    assert text_of(await rig.stream("echo: " + text[:9])) == text[:9]


async def test_reasoning_comes_first(rig: Rig) -> None:
    events = await rig.stream("Think about rivers")
    deltas = [event.message for event in events if event.event == DELTA and event.message]
    first_text = next(place for place, message in enumerate(deltas) if message.content)
    assert first_text > 3
    assert all(message.reasoning_content for message in deltas[:first_text])
    assert not any(message.reasoning_content for message in deltas[first_text:])
    assert len({message.id for message in deltas}) == 1


async def test_follow_ups_after_the_answer(rig: Rig) -> None:
    events = await rig.stream("Hello there")
    assert len(completed(events, MessageType.FOLLOW_UP)) == 3
    rig.sim.world.suggestions = False
    assert not completed(await rig.stream("Hello there"), MessageType.FOLLOW_UP)


async def test_knowledge_is_encoded_twice(rig: Rig) -> None:
    events = await rig.stream("退货政策是什么？")
    recall = next(text for text in completed(events, MessageType.VERBOSE) if "knowledge_recall" in text)
    chunks = json.loads(json.loads(recall)["data"])["chunks"]
    assert chunks[0]["slice"] == "退货期为7天"
    assert chunks[0]["meta"]["document"]["name"] == "policy.pdf"
    assert "7天" in text_of(events)


async def test_cloud_tool(rig: Rig) -> None:
    events = await rig.stream("What is the weather in Oslo")
    assert json.loads(completed(events, MessageType.FUNCTION_CALL)[0])["arguments"] == {"city": "Oslo"}
    assert json.loads(completed(events, MessageType.TOOL_RESPONSE)[0])["content_type"] == 1
    assert "Oslo" in text_of(events)


async def test_local_tool_and_its_submission(rig: Rig) -> None:
    events = await rig.stream("use the local tool")
    chat = events[-1].chat
    assert chat
    assert chat.status == ChatStatus.REQUIRES_ACTION
    assert chat.required_action
    assert chat.required_action.submit_tool_outputs
    call = chat.required_action.submit_tool_outputs.tool_calls[0]
    assert call.function
    assert json.loads(call.function.arguments) == {"location": "河南"}
    ids = {"conversation_id": chat.conversation_id, "chat_id": chat.id}
    with pytest.raises(CozeAPIError):
        await rig.coze.chat.submit_tool_outputs(**ids, tool_outputs=[])
    outputs = [ToolOutput(tool_call_id=call.id, output="rain")]
    resumed = [event async for event in rig.coze.chat.submit_tool_outputs_stream(**ids, tool_outputs=outputs)]
    assert resumed[0].event == ChatEventType.CONVERSATION_CHAT_IN_PROGRESS
    assert resumed[-1].event == COMPLETED
    assert completed(resumed, MessageType.TOOL_RESPONSE) == ["rain"]
    assert "umbrella" in text_of(resumed)


async def test_question_node_is_answered_by_the_next_message(rig: Rig) -> None:
    events = await rig.stream("点餐")
    chat = events[-1].chat
    assert chat
    assert chat.required_action
    assert chat.required_action.submit_tool_outputs
    call = chat.required_action.submit_tool_outputs.tool_calls[0]
    assert call.type.value == "reply_message"
    assert call.function is None
    assert "**3**" in text_of(await rig.stream("3", chat.conversation_id))


async def test_several_and_empty_answers(rig: Rig) -> None:
    assert len(completed(await rig.stream("two answers please"), MessageType.ANSWER)) == 2
    empty = await rig.stream("say nothing")
    assert text_of(empty) == ""
    assert completed(empty, MessageType.ANSWER) == [""]


async def test_messages_before_the_answer(rig: Rig) -> None:
    rig.sim.script("odd", Answer(text="ok", messages=[Extra(type="tool_response", content="not json")]), times=1)
    assert completed(await rig.stream("odd"), MessageType.TOOL_RESPONSE) == ["not json"]
    assert "odd" in text_of(await rig.stream("odd"))


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("show me a list", "1. **Tests**"),
        ("a nested list", "    - bugs first"),
        ("python code", "```python"),
        ("some javascript", "```js"),
        ("explain generics", "`List<String>`"),
        ("a table", "|:------|"),
        ("headings", "### The token"),
        ("links", "Python_(programming_language))"),
        ("math", "\\frac"),
        ("a quote", "> > And"),
        ("嵌套列表", "    - 先看缺陷"),
        ("加粗", "**注意：**这"),
        ("写一段 Python 代码", "```python"),
        ("给我表格", "|:-----|"),
        ("今天怎么样", "今天怎么样"),
    ],
)
def test_topics_speak_the_language_of_the_question(question: str, part: str) -> None:
    answer = choose(Asked(text=question))
    assert part in answer.text
    assert "".join(pieces(answer.text)) == answer.text
    assert max(map(len, pieces(answer.text))) <= 6


@pytest.mark.parametrize("question", ["long 12000", "长文 12000"])
def test_long_answers_have_about_the_length(question: str) -> None:
    assert 12_000 <= len(choose(Asked(text=question)).text) <= 12_600


# Chats without a stream, and what is stored


async def test_create_poll_list(rig: Rig) -> None:
    messages = [Message.build_user_question_text("echo: stored", meta_data={"turn": "t-1"})]
    chat = await rig.coze.chat.create(bot_id=BOT, user_id="u1", additional_messages=messages, meta_data={"a": "b"})
    assert chat.status == ChatStatus.IN_PROGRESS
    await rig.sim.wait(lambda: rig.sim.chats[0].status == "completed")
    ids = {"conversation_id": chat.conversation_id, "chat_id": chat.id}
    posted = await rig.coze.chat.retrieve(**ids)
    got = (await rig.get("/v3/chat/retrieve", **ids))["data"]
    assert posted.status.value == got["status"] == "completed"
    assert posted.meta_data == {"a": "b"}
    assert posted.required_action
    assert posted.required_action.type.value == ""
    listed = await rig.coze.chat.messages.list(**ids)
    assert sorted(message.type.value for message in listed) == ["answer", "verbose"]
    history = (await rig.coze.conversations.messages.list(conversation_id=chat.conversation_id)).items
    assert [(message.type.value, message.content) for message in history] == [
        ("answer", "stored"),
        ("question", "echo: stored"),
    ]
    assert history[1].chat_id == chat.id
    assert history[1].meta_data == {"turn": "t-1"}


async def test_memory_and_sections(rig: Rig) -> None:
    conversation = await rig.coze.conversations.create(meta_data={"k": "v"}, bot_id=BOT)
    assert conversation.meta_data == {"k": "v"}
    assert conversation.last_section_id == conversation.id
    await rig.stream("my name is Ada", conversation.id)
    assert "Ada" in text_of(await rig.stream("what is my name?", conversation.id))
    assert "1. my name is Ada" in text_of(await rig.stream("what did I ask before?", conversation.id))
    section = await rig.coze.conversations.clear(conversation_id=conversation.id)
    assert section.id != conversation.last_section_id
    assert "do not know" in text_of(await rig.stream("what is my name?", conversation.id))
    page = await rig.coze.conversations.messages.list(conversation_id=conversation.id, limit=3)
    listed = [message async for message in page]
    assert len(listed) == 8
    assert {message.section_id for message in listed} == {conversation.id, section.id}
    await rig.stream("我叫小明", conversation.id)
    assert "小明" in text_of(await rig.stream("我叫什么？", conversation.id))


async def test_auto_save_false_stores_nothing(rig: Rig) -> None:
    conversation_id, chat_id = chat_of(await rig.stream("my name is Ada", auto_save_history=False))
    assert "do not know" in text_of(await rig.stream("what is my name?", conversation_id))
    with pytest.raises(CozeAPIError) as refused:
        await rig.coze.chat.retrieve(conversation_id=conversation_id, chat_id=chat_id)
    assert refused.value.code == 4001
    with pytest.raises(CozeAPIError) as refused:
        await rig.coze.chat.create(bot_id=BOT, user_id="u1", auto_save_history=False)
    assert refused.value.code == 4007


async def test_conversations_and_their_messages(rig: Rig) -> None:
    conversations = rig.coze.conversations
    first, second = [await conversations.create(bot_id=BOT) for _ in range(2)]
    page = await conversations.list(bot_id=BOT, page_size=1)
    assert [found.id async for found in page] == [second.id, first.id]
    assert (await conversations.update(conversation_id=first.id, name="Rivers")).name == "Rivers"
    assert (await conversations.retrieve(conversation_id=first.id)).name == "Rivers"
    here = {"conversation_id": first.id}
    added = await conversations.messages.create(
        **here, role="user", content="x", content_type="text", meta_data={"a": "b"}
    )
    assert added.id
    assert added.meta_data == {"a": "b"}
    await conversations.messages.update(**here, message_id=added.id, content="y")
    assert (await conversations.messages.retrieve(**here, message_id=added.id)).content == "y"
    assert (await conversations.messages.delete(**here, message_id=added.id)).id == added.id
    await conversations.delete(conversation_id=first.id)
    with pytest.raises(CozeAPIError) as refused:
        await rig.stream("hi", first.id)
    assert refused.value.code == 4002


async def test_feedback_on_answers_only(rig: Rig) -> None:
    await rig.stream("hi")
    question, answer = rig.sim.conversations[rig.sim.chats[0].conversation_id].messages
    feedback = rig.coze.conversations.messages.feedback
    here = {"conversation_id": question.conversation_id, "feedback_type": FeedbackType.UNLIKE}
    await feedback.create(message_id=answer.id, reason_types=["slow"], comment="hm", **here)
    assert answer.feedback
    assert answer.feedback["feedback_type"] == "unlike"
    await feedback.delete(conversation_id=question.conversation_id, message_id=answer.id)
    assert answer.feedback is None
    with pytest.raises(CozeAPIError):
        await feedback.create(message_id=question.id, **here)


async def test_account_bot_files_voices(rig: Rig) -> None:
    assert (await rig.coze.users.me()).user_id
    for version in (1, 2):
        bot = await rig.coze.bots.retrieve(bot_id=BOT, use_api_version=version)
        assert bot.onboarding_info
        assert "{{user_name}}" in bot.onboarding_info.prologue
    file = await rig.coze.files.upload(file=("照片.jpg", b"\xff\xd8jpeg"))
    assert file.file_name == "照片.jpg"
    assert file.bytes == 6
    assert (await rig.coze.files.retrieve(file_id=file.id)).id == file.id
    assert rig.sim.files[file.id].data == b"\xff\xd8jpeg"
    objects = [MessageObjectString.build_text("what is this"), MessageObjectString.build_image(file_id=file.id)]
    events = await rig.stream("", additional_messages=[Message.build_user_question_objects(objects)])
    assert "照片.jpg" in text_of(events)
    alone = [Message.build_user_question_objects(objects[1:])]
    with pytest.raises(CozeAPIError) as refused:
        await rig.stream("", additional_messages=alone)
    assert refused.value.code == 4000
    assert [voice.language_code async for voice in await rig.coze.audio.voices.list()] == ["zh", "en"]


# Independence of the generation, and refusals


async def test_a_client_that_leaves_changes_nothing(serve: Serve) -> None:
    rig = await serve(deltas_per_second=200)
    events = rig.open("echo: " + "word " * 30)
    seen = [await anext(events) for _ in range(4)]
    await seen[-1].response._raw_response.aclose()
    conversation_id, chat_id = chat_of(seen)
    chat = rig.sim.chats[0]
    await rig.sim.wait(lambda: chat.left_at)
    assert chat.status == "in_progress"
    await rig.sim.wait(lambda: chat.status == "completed")
    listed = await rig.coze.chat.messages.list(conversation_id=conversation_id, chat_id=chat_id)
    assert [message.content for message in listed if message.type == MessageType.ANSWER] == ["word " * 30]


async def test_a_client_that_leaves_is_noticed_at_once(rig: Rig) -> None:
    rig.sim.fault("stall_all", after=1, seconds=30)
    events = rig.open("hello")
    seen = [await anext(events) for _ in range(3)]
    await seen[-1].response._raw_response.aclose()
    await rig.sim.wait(lambda: rig.sim.chats[0].left_at, timeout=1)
    assert rig.sim.chats[0].status == "in_progress"
    assert not rig.sim.world.transports


async def test_one_chat_at_a_time(serve: Serve) -> None:
    rig = await serve(deltas_per_second=5)
    conversation = await rig.coze.conversations.create(bot_id=BOT)
    first = rig.open("echo: one two three", conversation.id)
    await anext(first)
    for stream in (True, False):
        call = rig.stream("more", conversation.id) if stream else None
        with pytest.raises(CozeAPIError) as refused:
            await (call or rig.coze.chat.create(bot_id=BOT, user_id="u1", conversation_id=conversation.id))
        assert refused.value.code == 4016
        assert "当前会话已有chat在运行" in str(refused.value)
    rig.sim.pace(0)
    assert [event async for event in first][-1].event == COMPLETED
    assert len(rig.sim.chats) == 1
    assert text_of(await rig.stream("echo: free", conversation.id)) == "free"


async def test_cancel_leaves_the_stream_running(serve: Serve) -> None:
    rig = await serve(deltas_per_second=5)
    events = rig.open("my name is Ada")
    seen = [await anext(events), await anext(events)]
    conversation_id, chat_id = chat_of(seen)
    ids = {"conversation_id": conversation_id, "chat_id": chat_id}
    assert (await rig.coze.chat.cancel(**ids)).status == ChatStatus.CANCELED
    rig.sim.pace(0)
    rest = [event async for event in events]
    assert "Ada" in text_of(rest)
    assert rest[-1].event == COMPLETED
    assert (await rig.coze.chat.retrieve(**ids)).status == ChatStatus.CANCELED
    with pytest.raises(CozeAPIError) as refused:
        await rig.coze.chat.cancel(**ids)
    assert refused.value.code == 4104
    assert [message.role for message in rig.sim.conversations[conversation_id].messages] == ["user"]
    rig.sim.world.after_cancel = "done"
    rig.sim.pace(5)
    events = rig.open("echo: x y z")
    chat = (await anext(events)).chat
    assert chat
    await rig.coze.chat.cancel(conversation_id=chat.conversation_id, chat_id=chat.id)
    rig.sim.pace(0)
    assert COMPLETED not in [event.event async for event in events]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"bot_id": "not-a-number"}, 4000),
        ({"bot_id": "7400000000000000002"}, 4200),
        ({"user_id": ""}, 4000),
        ({"meta_data": {"k": "v" * 513}}, 4003),
        ({"additional_messages": [Message.build_user_question_text("x")] * 101}, 4004),
    ],
)
async def test_bad_requests(rig: Rig, change: dict[str, Any], code: int) -> None:
    with pytest.raises(CozeAPIError) as refused:
        await rig.stream("hi", **change)
    assert refused.value.code == code
    assert not rig.sim.chats


async def test_tokens(rig: Rig) -> None:
    async with rig.http.get(f"{rig.url}/v1/users/me", headers={"Authorization": "Bearer pat_other"}) as response:
        body = await response.json()
        assert (response.status, body["code"]) == (401, 4100)
        assert response.headers["X-Tt-Logid"] == body["detail"]["logid"]
    rig.sim.revoke()
    assert (await rig.get("/v1/users/me", 401))["code"] == 700012006
    assert (await rig.get("/v1/nothing", 401))["code"] == 700012006


async def test_unknown_paths_and_unpublished_bots(rig: Rig) -> None:
    assert (await rig.get("/v1/nothing", 404))["code"] == 404
    rig.sim.world.published = False
    with pytest.raises(CozeAPIError) as refused:
        await rig.stream("hi")
    assert refused.value.code == 4015
    assert refused.value.logid == rig.sim.calls[-1]["logid"]


async def test_jwt_for_an_access_token(rig: Rig) -> None:
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    def encoded(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    key = rsa.generate_private_key(65537, 2048)
    numbers = key.public_key().public_numbers()
    rig.sim.world.jwt_key = (numbers.n, numbers.e)
    claims = {"iss": "app", "aud": rig.url.removeprefix("http://"), "iat": int(time.time()), "jti": "j1"}
    claims |= {"exp": int(time.time()) + 60, "session_name": "ada"}
    unsigned = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "k"}, claims))
    signed = unsigned + "." + encoded(key.sign(unsigned.encode(), padding.PKCS1v15(), SHA256()))
    body = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "duration_seconds": 600, "scope": None}

    async def exchange(token: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        async with rig.http.post(f"{rig.url}/api/permission/oauth2/token", json=body, headers=headers) as response:
            value: dict[str, Any] = await response.json()
            return value

    assert (await exchange(signed[:-8] + "AAAAAAAA"))["error_code"] == "invalid_request"
    minted = await exchange(signed)
    assert minted["access_token"].startswith("czs_")
    assert minted["expires_in"] > time.time()
    assert "jti" in (await exchange(signed))["error_message"]
    with_token = {"Authorization": f"Bearer {minted['access_token']}"}
    await rig.http.post(f"{rig.url}/v3/chat", json={"bot_id": BOT, "user_id": "u1"}, headers=with_token)
    assert rig.sim.chats[0].session_name == "ada"


# Faults


async def test_fault_failed(rig: Rig) -> None:
    rig.sim.fault("failed", value="4028", after=2)
    events = await rig.stream("hi")
    chat = events[-1].chat
    assert [event.event for event in events].count(DELTA) == 2
    assert chat
    assert chat.status == ChatStatus.FAILED
    assert chat.last_error
    assert chat.last_error.code == 4028
    ids = {"conversation_id": chat.conversation_id, "chat_id": chat.id}
    assert (await rig.coze.chat.retrieve(**ids)).last_error == chat.last_error
    with pytest.raises(CozeAPIError):
        await rig.coze.chat.messages.list(**ids)
    assert text_of(await rig.stream("echo: again", chat.conversation_id)) == "again"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind="failed_short"), ValidationError),
        (Fault(kind="error_event", value="4020", after=1), Exception),
        (Fault(kind="error_event", value="4016"), Exception),
        (Fault(kind="reset", after=2), httpx.ReadError),
        (Fault(kind="cut_mid_line", after=2), ValidationError),
        (Fault(kind="cut_mid_line", after=2, value="chunked"), httpx.HTTPError),
        (Fault(kind="ping_comment", after=1), CozeInvalidEventError),
        (Fault(kind="refuse"), httpx.HTTPError),
        (Fault(kind="hang", seconds=0.05), httpx.HTTPError),
        (Fault(kind="lost_response"), httpx.HTTPError),
        (Fault(kind="http", value="502"), CozeAPIError),
        (Fault(kind="code", value="4009"), CozeAPIError),
        (Fault(kind="http_429_empty"), AttributeError),
    ],
    ids=lambda value: f"{value.kind}-{value.value}" if isinstance(value, Fault) else "",
)
async def test_faults_that_raise(rig: Rig, fault: Fault, error: type[Exception]) -> None:
    fault.method = "/v3/chat"
    rig.sim.faults.add(fault)
    with pytest.raises(error) as raised:
        await rig.stream("hello")
    if fault.kind in ("http", "code"):
        assert isinstance(raised.value, CozeAPIError)
        assert raised.value.code == int(fault.value)
    created = fault.kind not in ("refuse", "hang", "http", "code", "http_429_empty") and fault.value != "4016"
    assert len(rig.sim.chats) == created
    if fault.kind in ("reset", "cut_mid_line", "ping_comment", "lost_response"):
        await rig.sim.wait(lambda: rig.sim.chats[0].status == "completed")
    assert text_of(await rig.stream("echo: fine")) == "fine"


async def test_fault_cut_clean_looks_like_an_end(rig: Rig) -> None:
    rig.sim.fault("cut_clean", after=3)
    events = await rig.stream("hello")
    assert [event.event for event in events].count(DELTA) == 3
    assert events[-1].event == DELTA
    rig.sim.fault("cut_clean", after=10_000)
    events = await rig.stream("echo: all of it")
    assert text_of(events) == "all of it"
    assert COMPLETED not in [event.event for event in events]


async def test_fault_stall_of_the_stream_alone(rig: Rig) -> None:
    rig.sim.fault("stall", after=2, seconds=30)
    events = rig.open("hello")
    for _ in range(4):
        await anext(events)
    await rig.sim.wait(lambda: rig.sim.chats[0].status == "completed")
    waiting = asyncio.ensure_future(anext(events))
    done, _ = await asyncio.wait([waiting], timeout=0.15)
    assert not done
    rig.sim.hurry()
    await waiting
    assert [event async for event in events][-1].event == COMPLETED


@pytest.mark.parametrize("kind", ["stall_all", "slow_first"])
async def test_fault_stall_of_the_generation(rig: Rig, kind: str) -> None:
    rig.sim.fault(kind, after=0 if kind == "slow_first" else 2, seconds=30)
    events = rig.open("hello")
    for _ in range(2 if kind == "slow_first" else 4):
        await anext(events)
    chat = rig.sim.chats[0]
    with pytest.raises(TimeoutError):
        await rig.sim.wait(lambda: chat.status == "completed", timeout=0.1)
    assert len(chat.deltas) == (0 if kind == "slow_first" else 2)
    rig.sim.hurry()
    assert [event async for event in events][-1].event == COMPLETED


async def test_fault_unknown_event_and_type(rig: Rig) -> None:
    rig.sim.fault("unknown_event", after=1)
    events = await rig.stream("hello")
    assert [event.event for event in events].count(ChatEventType.UNKNOWN) == 1
    assert events[-1].event == COMPLETED
    rig.sim.fault("unknown_type", after=1, value="dream")
    with pytest.warns(UserWarning, match="dream"):
        events = await rig.stream("hello")
    assert "dream" in [event.message.type.value for event in events if event.message]


async def test_fault_requires_action(rig: Rig) -> None:
    rig.sim.fault("requires_action", value="2")
    chat = (await rig.stream("echo: in the end"))[-1].chat
    for _ in range(2):
        assert chat
        assert chat.required_action
        assert chat.required_action.submit_tool_outputs
        call = chat.required_action.submit_tool_outputs.tool_calls[0]
        outputs = [ToolOutput(tool_call_id=call.id, output="1")]
        ids = {"conversation_id": chat.conversation_id, "chat_id": chat.id}
        events = [event async for event in rig.coze.chat.submit_tool_outputs_stream(**ids, tool_outputs=outputs)]
        chat = events[-1].chat
    assert text_of(events) == "in the end"
    assert events[-1].event == COMPLETED
    rig.sim.fault("reply_message")
    last = (await rig.stream("echo: how many?"))[-1]
    assert last.event == ChatEventType.CONVERSATION_CHAT_REQUIRES_ACTION


async def test_fault_empty(rig: Rig) -> None:
    rig.sim.fault("empty")
    assert completed(await rig.stream("hello"), MessageType.ANSWER) == [""]
    rig.sim.fault("empty", value="none")
    events = await rig.stream("hello")
    assert completed(events, MessageType.ANSWER) == []
    assert events[-1].event == COMPLETED


async def test_fault_held_socket(rig: Rig) -> None:
    rig.sim.fault("held_socket")
    events = rig.open("hello")
    while (event := await anext(events)).event != COMPLETED:
        assert event.event != ChatEventType.UNKNOWN
    more = asyncio.ensure_future(anext(events))
    done, _ = await asyncio.wait([more], timeout=0.1)
    assert not done
    assert len(rig.sim.world.transports) == 1
    more.cancel()
    await asyncio.wait([more])
    # With this transport a cancelled reader leaves the connection open; closing the response ends it.
    await event.response._raw_response.aclose()
    await rig.sim.wait(lambda: not rig.sim.world.transports)


async def test_fault_late_audio(rig: Rig) -> None:
    rig.sim.fault("late_audio")
    names = [event.event for event in await rig.stream("hello")]
    assert names[-3:] == [COMPLETED, *[ChatEventType.CONVERSATION_AUDIO_DELTA] * 2]


async def test_fault_on_another_endpoint(rig: Rig) -> None:
    rig.sim.fault("code", method="/v3/chat/retrieve", value="5000")
    rig.sim.fault("lost_response", method="/v1/conversation/create")
    conversation_id, chat_id = chat_of(await rig.stream("hello"))
    with pytest.raises(CozeAPIError):
        await rig.coze.chat.retrieve(conversation_id=conversation_id, chat_id=chat_id)
    with pytest.raises(httpx.HTTPError):
        await rig.coze.conversations.create()
    assert len(rig.sim.conversations) == 2


async def test_down(rig: Rig) -> None:
    rig.sim.pace(5)
    events = rig.open("hello")
    await anext(events)
    rig.sim.down(30)
    with pytest.raises(httpx.HTTPError):
        async for _ in events:
            pass
    with pytest.raises(httpx.HTTPError):
        await rig.coze.users.me()
    rig.sim.down(30, "503")
    with pytest.raises(CozeAPIError) as refused:
        await rig.coze.users.me()
    assert refused.value.code == 503
    rig.sim.down(0)
    assert (await rig.coze.users.me()).user_id


# Control over HTTP


async def test_control(rig: Rig) -> None:
    extra = {"type": "verbose", "content": "{}"}
    answer = {"deltas": ["a", "b"], "delays": [0], "follow_ups": ["c?"], "messages": [extra]}
    await rig.post("/control/script", {"contains": "exact", "answer": answer})
    await rig.post("/control/faults", {"kind": "unknown_event", "method": "/v3/chat"})
    assert (await rig.post("/control/pace", {"deltas_per_second": 100}))["deltas_per_second"] == 100
    events = await rig.stream("exact")
    assert text_of(events) == "ab"
    assert completed(events, MessageType.FOLLOW_UP) == ["c?"]
    chats = await rig.get("/control/chats", question="exact")
    assert [(chat["question"], chat["status"], len(chat["deltas"])) for chat in chats] == [("exact", "completed", 2)]
    assert len((await rig.get("/control/conversations"))[0]["messages"]) == 2
    assert [call["path"] for call in await rig.get("/control/calls")] == ["/v3/chat?conversation_id="]
    assert (await rig.get("/control/state"))["chats"] == {"completed": 1}
    await rig.post("/control/down", {"seconds": 30, "how": "503"})
    await rig.get("/control/state")
    kinds = []
    async with rig.http.get(f"{rig.url}/control/events", params={"after": 1}) as response:
        async for line in response.content:
            if line.startswith(b"data:"):
                kinds.append(json.loads(line[5:])["kind"])
                if kinds[-1] == "down":
                    break
    assert kinds == ["chat", "delta", "delta", "completed", "down"]


# Coze Studio


async def test_studio(serve: Serve) -> None:
    rig = await serve(profile="studio")
    conversation = (await rig.post("/v1/conversation/create", {}))["ConversationData"]
    ids = {"conversation_id": conversation["id"]}
    events = await rig.stream("echo: hi", conversation["id"])
    assert text_of(events) == "hi"
    assert events[-1].event == ChatEventType.UNKNOWN
    assert events[-2].event == COMPLETED
    chat_id = rig.sim.chats[0].id
    assert (await rig.get("/v3/chat/retrieve", **ids, chat_id=chat_id))["data"]["status"] == "completed"
    assert (await rig.get("/v3/chat/message/list", **ids, chat_id=chat_id))["Messages"]
    assert (await rig.post("/v3/chat/retrieve", None, 404, **ids, chat_id=chat_id))["code"] == 404
    assert (await rig.get("/v1/users/me", 404))["msg"] == "not found"
    empty = json.loads(await rig.raw("hi", conversation_id=""))
    assert empty["code"] == 400
    assert "int64" in empty["msg"]
    rig.sim.revoke()
    assert (await rig.get("/v3/chat/retrieve", **ids, chat_id=chat_id))["code"] == 700012006
