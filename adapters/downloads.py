"""Fetches the pictures and files that an answer points to, within limits."""

from bridge.errors import Refused
from bridge.model import Attachment


class Downloading:
    """Not built yet: everything stays a link."""

    async def download(self, attachment: Attachment) -> bytes:
        """The content of `attachment.url`. Raises Unreachable, or Refused."""
        raise Refused(f"{attachment.kind} files are not fetched yet")
