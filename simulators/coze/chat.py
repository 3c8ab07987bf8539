"""The generation of one chat: it runs by itself, at its pace, whether or not anybody follows the stream."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from simulators.coze import frames
from simulators.coze.answers import Answer, Extra, pieces, verbose
from simulators.coze.envelope import meaning
from simulators.coze.state import Chat, Conversation, Message, Signal, World
from simulators.wire import Fault

FAILURES = ("failed", "failed_short", "error_event")
# A generation that fell behind catches up no more than this, so that a pause does not end in a burst.
BEHIND = 0.25


class BrokenOffError(Exception):
    """The answer fails at this point."""


@dataclass(slots=True)
class Reel:
    """The frames of one stream, growing until it has ended."""

    frames: list[bytes] = field(default_factory=list)
    ended: bool = False
    signal: Signal = field(default_factory=Signal)
    written: Callable[[bytes], bytes] = bytes
    """How a frame goes out; each goes out once."""

    def add(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.signal.fire()

    def end(self) -> None:
        self.ended = True
        self.signal.fire()


def bent(answer: Answer, fault: Fault | None) -> Answer:
    """The answer as a fault of the generation changes it; faults of the stream alone leave it as it is."""
    match fault.kind if fault else "":
        case "failed" | "failed_short" | "error_event" as end:
            assert fault
            return replace(answer, end=end, end_after=fault.after, code=int(fault.value or 5000))
        case "empty":
            assert fault
            return Answer(silent=fault.value == "none")
        case "slow_first":
            assert fault
            return replace(answer, first_delay=fault.seconds)
        case "stall_all":
            assert fault
            return replace(answer, pause_after=fault.after, pause_seconds=fault.seconds)
        case "requires_action":
            assert fault
            if fault.value == "reply_message":
                return replace(answer, end="reply_message")
            return replace(answer, end="requires_action", rounds=int(fault.value or 1))
        case "reply_message":
            return replace(answer, end="reply_message")
    return answer


@dataclass(slots=True)
class Speech:
    """Says one answer into a reel, and keeps the records of the chat and its conversation."""

    world: World
    chat: Chat
    conversation: Conversation
    answer: Answer
    reel: Reel
    spoken: int = 0
    letters: int = 0
    due: float = 0.0

    async def run(self, outputs: Sequence[str] | None = None) -> None:
        """From the first frame to `done`; with tool outputs it goes on where the chat asked for them."""
        try:
            if outputs is None:
                self.reel.add(frames.chat_frame("created", self.chat))
            self.reel.add(frames.chat_frame("in_progress", self.chat))
            for output in outputs or ():
                self.complete(Extra(type="tool_response", content=output))
            await self.say()
        except BrokenOffError:
            self.fail()
        finally:
            self.chat.generated = True
            self.reel.end()
            self.world.changed.fire()

    async def say(self) -> None:
        answer = self.answer
        if answer.first_delay:
            await self.world.pause(answer.first_delay)
        if answer.end == "requires_action" and not self.world.studio:
            self.ask_for_outputs()
            return
        for extra in answer.messages:
            studio_knowledge = self.world.studio and "knowledge_recall" in extra.content
            self.complete(replace(extra, type="knowledge") if studio_knowledge else extra)
        if answer.card is not None and self.chat.body.get("enable_card"):
            self.complete(Extra(type="answer", content=json.dumps(answer.card), content_type="card"))
        elif not answer.silent:
            await self.stream(answer.deltas or pieces(answer.text), answer.reasoning)
        for text in answer.more:
            await self.stream(pieces(text))
        if answer.end in FAILURES:
            raise BrokenOffError
        if answer.end == "reply_message":
            self.ask_for_reply()
            return
        self.complete(self.finish(0))
        for follow_up in answer.follow_ups:
            self.complete(Extra(type="follow_up", content=follow_up))
        self.settle("completed")

    async def stream(self, texts: Sequence[str], reasoning: str = "") -> None:
        """One answer message: its deltas, then the whole."""
        message = self.message("answer", "")
        parts = frames.delta_parts(message)
        for piece in pieces(reasoning):
            await self.tick()
            self.reel.add(frames.delta_frame(parts, "", piece))
            self.count("", piece)
        for piece in texts:
            await self.tick()
            self.reel.add(frames.delta_frame(parts, piece))
            self.count(piece, "")
        message.content, message.reasoning = "".join(texts), reasoning
        self.keep(message)

    async def tick(self) -> None:
        """Waits until the next delta is due, or fails where the answer breaks off."""
        answer, world = self.answer, self.world
        if answer.end in FAILURES and answer.end_after is not None and self.spoken >= answer.end_after:
            raise BrokenOffError
        if answer.pause_seconds and self.spoken == answer.pause_after:
            await world.pause(answer.pause_seconds)
        if answer.delays:
            await world.pause(answer.delays[min(self.spoken, len(answer.delays) - 1)])
        elif world.rate <= 0:
            await asyncio.sleep(0)
        else:
            now = asyncio.get_running_loop().time()
            self.due = max(self.due, now - BEHIND if self.spoken else now) + 1 / world.rate
            await world.pause(max(0.0, self.due - now))

    def count(self, text: str, reasoning: str) -> None:
        self.spoken += 1
        self.letters += len(text)
        self.chat.deltas.append(time.time())
        if text:
            self.chat.said.append(text)
        if self.world.delta_events:
            more: dict[str, Any] = {"reasoning": reasoning} if reasoning else {}
            self.world.publish("delta", chat=self.chat.id, chars=self.letters, text=text, **more)
        else:
            self.world.changed.fire()

    def message(self, type: str, content: str, content_type: str = "text") -> Message:
        return self.world.message(
            self.conversation,
            section_id=self.chat.section_id,
            chat_id=self.chat.id,
            role="assistant",
            type=type,
            content=content,
            content_type=content_type,
        )

    def complete(self, extra: Extra) -> None:
        self.keep(self.message(extra.type, extra.content, extra.content_type))

    def keep(self, message: Message) -> None:
        self.chat.messages.append(message)
        self.reel.add(frames.message_frame(message))

    def finish(self, reason: int) -> Extra:
        if self.world.studio:
            data = json.dumps({"finish_reason": reason, "fin_data": ""}, separators=(",", ":"))
            content = json.dumps({"msg_type": "generate_answer_finish", "data": data}, separators=(",", ":"))
            return Extra(type="verbose", content=content)
        inner: dict[str, Any] = {"finish_reason": reason}
        if reason == 0:
            inner["FinData"] = ""
        return verbose("generate_answer_finish", json.dumps(inner, separators=(",", ":")))

    def ask_for_outputs(self) -> None:
        """A local plugin: the chat waits for submit_tool_outputs, as many rounds as the answer wants."""
        answer, left = self.answer, self.answer.rounds - 1
        call = {
            "name": f"local-{answer.tool}",
            "arguments": json.loads(answer.arguments),
            "plugin_id": 7420,
            "plugin_name": "local",
            "api_id": 7421,
            "api_name": answer.tool,
            "plugin_type": 6,
            "thought": "",
        }
        self.complete(Extra(type="function_call", content=frames.dumped(call)))
        self.complete(verbose("interrupt", ""))
        self.complete(self.finish(1))
        self.chat.pending = replace(answer, end="requires_action" if left else "completed", rounds=left, first_delay=0)
        self.chat.required = [
            {
                "id": f"call_{self.world.new_id()}",
                "type": "function",
                "function": {"name": name, "arguments": arguments},
                "require_info": None,
            }
            for name, arguments in [(answer.tool, answer.arguments), *answer.also]
        ]
        self.settle("requires_action")

    def ask_for_reply(self) -> None:
        """A question node: the next message in the conversation is the reply."""
        self.conversation.asking = self.answer.text
        if self.world.studio:
            self.complete(verbose("interrupt", ""))
            self.settle("completed")
            return
        self.chat.required = [{"id": "", "type": "reply_message", "function": None}]
        self.settle("requires_action")

    def settle(self, status: str) -> None:
        """The chat ends, or waits for somebody; the conversation has the answer before the last frame goes out."""
        chat, now = self.chat, int(time.time())
        canceled = chat.status == "canceled"
        if not canceled:
            chat.status, chat.completed_at = status, now
            if chat.auto_save:
                self.conversation.messages += [m for m in chat.messages if m.type == "answer"]
                self.conversation.updated_at = now
            self.release()
            self.world.publish(status, chat=chat.id, conversation=chat.conversation_id, text=chat.text)
        if not canceled or self.world.after_cancel == "completed":
            self.reel.add(frames.chat_frame(status, chat, self.world.studio))
        if chat.voiced and status == "completed" and not self.world.studio:
            for sound in (bytes(480), bytes(480)):
                self.reel.add(frames.audio_frame(self.message("answer", "", "audio"), sound))
        self.reel.add(frames.done_frame(self.world.studio))

    def fail(self) -> None:
        chat, code = self.chat, self.answer.code
        msg = meaning(code)
        if chat.status != "canceled":
            chat.status, chat.failed_at, chat.error = "failed", int(time.time()), (code, msg)
            self.release()
            self.world.publish("failed", chat=chat.id, conversation=chat.conversation_id, code=code)
        if self.answer.end == "error_event" or self.world.studio:
            self.reel.add(frames.error_frame(code, msg))
        elif self.answer.end == "failed_short":
            self.reel.add(frames.frame("conversation.chat.failed", {"code": code, "msg": msg}))
        else:
            self.reel.add(frames.chat_frame("failed", chat))
        self.reel.add(frames.done_frame(self.world.studio))

    def release(self) -> None:
        if self.conversation.running is self.chat:
            self.conversation.running = None
