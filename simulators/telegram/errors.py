"""Errors of the Bot API as the real server words them: a code, a description, and what the caller may do about it."""

from typing import Any


class ApiError(Exception):
    """The call fails with this HTTP status and description."""

    def __init__(self, code: int, description: str, *, retry_after: int = 0, migrate_to: int = 0) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after
        self.migrate_to = migrate_to

    @property
    def parameters(self) -> dict[str, int]:
        if self.retry_after:
            return {"retry_after": self.retry_after}
        if self.migrate_to:
            return {"migrate_to_chat_id": self.migrate_to}
        return {}

    def body(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        body: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            body["parameters"] = self.parameters
        return body


def bad(text: str) -> ApiError:
    """`400 Bad Request: …`; codes in capitals stay as they are, sentences begin with a small letter."""
    return ApiError(400, f"Bad Request: {worded(text)}")


def forbidden(text: str) -> ApiError:
    return ApiError(403, f"Forbidden: {worded(text)}")


def conflict(text: str) -> ApiError:
    return ApiError(409, f"Conflict: {text}")


def flooded(seconds: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def upgraded(new_chat: int) -> ApiError:
    return ApiError(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to=new_chat)


def from_text(text: str) -> ApiError:
    """`403 Forbidden: bot was blocked by the user` as an error; a missing code means 400."""
    code, _, description = text.partition(" ")
    if code.isdigit():
        return ApiError(int(code), description)
    return ApiError(400, text)


def worded(text: str) -> str:
    second = text[1:2]
    if second.isupper() or second == "_":
        return text
    return text[:1].lower() + text[1:]
