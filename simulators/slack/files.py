"""Files both ways: the upload methods, and the download address that asks for the bot token."""

import asyncio
import mimetypes
from collections.abc import Callable
from typing import Any

from aiohttp import web

from simulators.slack import chat
from simulators.slack.calls import Call, SlackError, invalid
from simulators.slack.messages import Message
from simulators.slack.state import APP, BOT, BOT_USER, TEAM, Channel, Workspace

Answer = dict[str, Any]
LOGIN = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to your workspace</body></html>"


def new_file(slack: Workspace, name: str, size: int, user: str, mimetype: str = "") -> dict[str, Any]:
    """A file object, its bytes still to come."""
    file_id = slack.serial("F")
    address = f"{slack.origin}/files-pri/{TEAM}-{file_id}"
    file = {
        "id": file_id,
        "name": name,
        "title": name,
        "mimetype": mimetype or "application/octet-stream",
        "filetype": name.rpartition(".")[2],
        "size": size,
        "user": user,
        "mode": "hosted",
        "is_external": False,
        "url_private": f"{address}/{name}",
        "url_private_download": f"{address}/download/{name}",
        "shares": {},
    }
    slack.files[file_id] = file
    return file


def get_upload_url(slack: Workspace, call: Call) -> Answer:
    length = call.number("length", 0)
    if not call.text("filename") or length <= 0:
        raise invalid("filename and length are required")
    name = call.text("filename")
    file = new_file(slack, name, length, BOT_USER, mimetypes.guess_type(name)[0] or "")
    return {"upload_url": f"{slack.origin}/upload/{file['id']}", "file_id": file["id"]}


def complete_upload(slack: Workspace, call: Call) -> Answer:
    wanted = [slack.files.get(str(item.get("id"))) for item in call.items("files") if isinstance(item, dict)]
    files = [file for file in wanted if file]
    if not files or len(files) < len(wanted):
        raise SlackError("file_not_found")
    for file, item in zip(files, call.items("files"), strict=True):
        file["title"] = item.get("title") or file["title"]
    target = call.text("channel_id")
    if target and target not in slack.channels:
        raise SlackError("invalid_channel")
    if target:
        channel = slack.writable(target)
        thread_ts = chat.thread(slack, channel, call.text("thread_ts"))
        appear = _appearance(slack, channel, thread_ts, files, call.text("initial_comment"))
        asyncio.get_running_loop().call_later(slack.settings.upload_seconds, appear)
    return {"files": [{"id": file["id"], "title": file["title"]} for file in files]}


def _appearance(
    slack: Workspace, channel: Channel, thread_ts: str | None, files: list[dict[str, Any]], comment: str
) -> Callable[[], None]:
    """Posts the uploaded files, later."""

    def appear() -> None:
        message = Message(
            channel=channel.id,
            ts=slack.stamp(),
            user=BOT_USER,
            team=TEAM,
            bot_id=BOT,
            app_id=APP,
            raw=comment,
            text=comment,
            thread_ts=thread_ts,
            subtype="file_share",
            files=files,
        )
        for file in files:
            file["shares"] = {"public": {channel.id: [{"ts": message.ts, "thread_ts": thread_ts}]}}
        chat.publish(slack, channel, message)

    return appear


def files_info(slack: Workspace, call: Call) -> Answer:
    file = slack.files.get(call.text("file"))
    if file is None:
        raise SlackError("file_not_found")
    return {"file": file, "comments": [], "response_metadata": {"next_cursor": ""}}


def delete(slack: Workspace, call: Call) -> Answer:
    """Deletes the file; the message that shows nothing else goes with it."""
    file = slack.files.pop(call.text("file"), None)
    if file is None:
        raise SlackError("file_not_found")
    slack.contents.pop(file["id"], None)
    for number, shares in file["shares"].get("public", {}).items():
        channel = slack.channels[number]
        for share in shares:
            chat.remove(slack, channel, chat.standing(channel, share["ts"]))
    return {}


async def _body(request: web.Request) -> bytes:
    """The bytes of an upload, bare or as the first file of a form."""
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    parts = (await request.post()).values()
    return next((part.file.read() for part in parts if isinstance(part, web.FileField)), b"")


def routes(slack: Workspace, bot_token: str) -> list[web.RouteDef]:
    """Where bytes go in and out."""

    async def upload(request: web.Request) -> web.Response:
        file = slack.files.get(request.match_info["file"])
        if file is None:
            raise web.HTTPNotFound
        data = await _body(request)
        if slack.settings.upload_status != 200:
            return web.Response(status=slack.settings.upload_status)
        slack.contents[file["id"]] = data
        file["size"] = len(data)
        return web.Response(text=f"OK - {len(data)}")

    async def download(request: web.Request) -> web.Response:
        file_id = request.match_info["file"].partition("-")[2]
        slack.fetched.append(file_id)
        slack.feed.publish("download", file=file_id)
        allowed = request.headers.get("Authorization") == f"Bearer {bot_token}"
        if not allowed or "files:read" not in slack.settings.scopes:
            raise web.HTTPFound("/login")
        if slack.settings.download_status != 200:
            return web.Response(status=slack.settings.download_status)
        if slack.settings.cdn:
            raise web.HTTPFound(f"{slack.settings.cdn}/{file_id}")
        if file_id not in slack.contents:
            raise web.HTTPNotFound
        return web.Response(body=slack.contents[file_id], content_type=slack.files[file_id]["mimetype"])

    async def show(request: web.Request) -> web.Response:
        """The bytes of a picture, so that somebody who looks on can see it."""
        file = slack.files.get(request.match_info["file"])
        if file is None or not file["mimetype"].startswith("image/"):
            raise web.HTTPNotFound
        return web.Response(body=slack.contents.get(file["id"], b""), content_type=file["mimetype"])

    async def login(_request: web.Request) -> web.Response:
        return web.Response(text=LOGIN, content_type="text/html")

    return [
        web.post("/upload/{file}", upload),
        web.get("/files-pri/{file}/{name:.+}", download),
        web.get("/login", login),
        web.get("/control/files/{file}", show),
    ]
