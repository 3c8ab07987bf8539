"""Pictures and files that are sent to Slack: asked for a place, put there, and then shown in a thread."""

import logging
from collections.abc import Callable

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.errors import calling, named
from bridge.errors import BridgeError, Refused, Transient, Unreachable
from bridge.model import Address, Attachment
from bridge.ports import Clock

log = logging.getLogger(__name__)

MARK = "file:"
"""The ids of what we attach begin with it: Slack shows a file some time after it took it, and names no `ts`."""
ASK_SECONDS, UPLOAD_SECONDS, SHOW_SECONDS = 10.0, 35.0, 12.0
"""Together below the 60 s of the port."""
LATCH_SECONDS = 600.0
"""For so long nothing is tried after Slack said that the app may not write files."""
SCOPE = "the app lacks the scope files:write (deploy/slack has it): pictures and files of answers stay links"


class Attaching:
    """Sends files as one bot into one workspace."""

    def __init__(self, connect: Callable[[], AsyncWebClient], clock: Clock) -> None:
        self._connect = connect
        self._clock = clock
        self._refused_until = 0.0

    async def attach(self, address: Address, attachment: Attachment, content: bytes) -> str:
        """Posts the file into its thread and returns its id. Nobody sees anything before the last of three calls."""
        if self._clock.monotonic() < self._refused_until:
            raise Refused(SCOPE)
        try:
            number, place = await self._place(attachment, len(content))
            await self._upload(place, content)
        except Transient as error:
            error.certain = True
            raise
        except Refused as error:
            if named(error) == "missing_scope":
                self._refused_until = self._clock.monotonic() + LATCH_SECONDS
                log.warning(SCOPE)
            raise
        async with calling("files.completeUploadExternal", SHOW_SECONDS):
            await self._connect().files_completeUploadExternal(
                files=[{"id": number, "title": attachment.name}],
                channel_id=address.chat,
                thread_ts=address.thread or None,
            )
        return f"{MARK}{number}"

    async def _place(self, attachment: Attachment, size: int) -> tuple[str, str]:
        """The id of the file to be, and the address that takes it."""
        method = "files.getUploadURLExternal"
        async with calling(method, ASK_SECONDS):
            answer = await self._connect().files_getUploadURLExternal(filename=attachment.name, length=size)
        number, place = answer.get("file_id"), answer.get("upload_url")
        if not isinstance(number, str) or not isinstance(place, str):
            raise Unreachable(f"{method}: no place for a file")
        return number, place

    async def _upload(self, place: str, content: bytes) -> None:
        """To an address that Slack gave us, which holds a secret of its own: so neither token nor log know it."""
        session: aiohttp.ClientSession | None = self._connect().session
        assert session is not None
        timeout = aiohttp.ClientTimeout(total=UPLOAD_SECONDS)
        try:
            headers = {"Content-Type": "application/octet-stream"}
            async with session.post(
                place, data=content, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                status = response.status
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(f"the upload of a file: no response ({type(error).__name__})") from None
        if status in (408, 429) or status >= 500:
            raise Unreachable(f"the upload of a file: status {status}")
        if status != 200:
            raise Refused(f"the upload of a file: status {status}")

    async def delete(self, message_id: str) -> None:
        """Removes that file, and with it the message that shows it; returns as well if it was gone already."""
        try:
            async with calling("files.delete", SHOW_SECONDS):
                await self._connect().files_delete(file=message_id.removeprefix(MARK))
        except BridgeError as error:
            if named(error) not in ("file_not_found", "file_deleted"):
                raise
