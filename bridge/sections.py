"""Settings of the sections of the file that are not about bots or tools."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bridge import values


class Tuning(BaseModel):
    """The section [tuning] of the file: figures that hardly anybody needs to change."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    workers: int = Field(default=200, ge=1)
    """Answers that run at the same time in one process."""
    lease_seconds: float = Field(default=15.0, ge=3.0)
    """After this long without a sign of life, another process takes a turn over; longer than systemd's watchdog."""
    coze_idle_seconds: float = Field(default=10.0, gt=0)
    """After this long without an event, Coze is asked beside the stream whether the chat still runs."""
    coze_silence_seconds: float = Field(default=120.0, gt=0)
    """After this long without an event from a chat that still runs, the question is given up."""
    coze_workflow_silence_seconds: float = Field(default=600.0, gt=0)
    """The same for chatflows and workflows, which may work for long without a word (Coze lets them run 10 minutes)."""
    recall_hours: float = Field(default=24.0, gt=0)
    """So long after it was asked, the answer to a question is still fetched from Coze; then the person is told."""
    queued_seconds: float = Field(default=5.0, ge=0)
    """Who waits longer than this for an answer to begin is told how many are before them; 0: never."""
    album_seconds: float = Field(default=1.0, ge=0, le=10)
    """After a picture of an album, the next one of it may take so long (Telegram sends each by itself)."""
    telegram_calls_per_second: float = Field(default=28.0, gt=0)
    """All chats of the bot together (Bot API FAQ: about 30; more with paid broadcasts)."""
    telegram_private_seconds: float = Field(default=1.05, gt=0)
    """Between calls to one private chat (Bot API FAQ: about one a second)."""
    telegram_group_seconds: float = Field(default=3.6, gt=0)
    """Between calls to one group (Bot API FAQ: 20 a minute)."""
    slack_post_seconds: float = Field(default=0.25, gt=0)
    """Between new messages in the whole workspace (several hundred a minute)."""
    slack_channel_post_seconds: float = Field(default=1.05, gt=0)
    """Between new messages in one channel (about one a second)."""
    slack_update_seconds: float = Field(default=1.37, gt=0)
    """Between edits in the whole workspace (tier 3: 50 a minute)."""
    media_networks: list[str] = []
    """Addresses that pictures and files of answers may be fetched from although they are private (`10.1.2.0/24`)."""

    @field_validator("media_networks")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for network in value:
            values.network(network)
        return value


class Answers(BaseModel):
    """The section [answers] of the file: what of an answer is shown beside its text."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    reasoning: Literal["show", "thinking", "hide"] = "show"
    """What a reasoning model thinks: `show` (collapsed, above the answer), `thinking` (only until the answer begins),
    `hide`."""
    sources: bool = True
    """The list of sources below the answer, where the bot names them."""
    suggestions: bool = True
    """What may be asked next, as buttons."""
    feedback: bool = True
    """The buttons for good and bad answers."""
    media: bool = True
    """Pictures and files of an answer are sent as such; else they stay links."""
    document_pages: int = Field(default=8, ge=0)
    """An answer of more messages than this also comes as a Markdown file; 0: never."""


class Files(BaseModel):
    """The section [files] of the file: what people send along."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    read: bool = True
    """Pictures and files that people send are passed on to the bot."""
    most_mb: int = Field(default=20, ge=1, le=512)
    """The size in MB up to which a file is fetched, on every platform. Telegram itself lets bots fetch 20 MB, unless
    you run a Bot API server of your own (`--local`); Coze takes 512 MB."""


class VoiceMessages(BaseModel):
    """The section [voice] of the file: spoken words."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    listen: Literal["transcribe", "audio", "off"] = "transcribe"
    """Voice messages. `transcribe`: Coze writes down what is said, which is shown above the answer and asked; `audio`:
    they are passed on as sound, for bots that hear; `off`: who sends one is told that it is not heard."""
    speak: bool = True
    """Who wants to can hear answers (`/voice`)."""
    default: str = ""
    """Coze `voice_id` of the voice for those who say no more than `/voice on`; empty: the first one that speaks their
    language."""

    @field_validator("default")
    @classmethod
    def _is_said(cls, value: str) -> str:
        if value and not value.strip():
            raise ValueError("is blank; name a voice, or leave it out")
        return value.strip()
