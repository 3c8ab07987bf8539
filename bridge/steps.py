"""What to do next so that the messages that stand come to show the pages of an answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.model import FIRST_FILE, Page, Post


@dataclass(frozen=True, slots=True)
class Send:
    """Post this page; `begun`: a send was begun before, and may have arrived."""

    page: Page
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """Make the message that stands show this page."""

    page: Page
    message_id: str


@dataclass(frozen=True, slots=True)
class Seek:
    """Look for the message that no page is left for: a send of it was begun, and may have arrived."""

    page: int


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the message that no page is left for."""

    page: int
    message_id: str


Step = Send | Edit | Seek | Delete


def next_step(wanted: Sequence[Page], standing: Sequence[Post]) -> Step | None:
    """The one smallest step from what stands towards what is wanted; None once they agree.

    Streaming, finishing, retrying and recovering are this function, called until it has nothing to say.
    """
    posts = {post.page: post for post in standing}
    for page in wanted:
        post = posts.get(page.index)
        if post is None:
            return Send(page)
        if post.message_id is None:
            return Send(page, begun=True)
        if post.digest != page.digest:
            return Edit(page, post.message_id)
    kept = {page.index for page in wanted}
    for post in sorted(standing, key=lambda post: post.page, reverse=True):
        if post.page in kept:
            continue
        if post.message_id is not None:
            return Delete(post.page, post.message_id)
        if post.page < FIRST_FILE:  # a file that came after all does no harm
            return Seek(post.page)
    return None
