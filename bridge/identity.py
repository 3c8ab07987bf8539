"""Who a sender is to Coze, in which language we talk to them, and which conversation a message belongs to."""

import hashlib
import re

from bridge.model import Inbound, User

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


def user(inbound: Inbound) -> User:
    """The person behind a message.

    The Coze `user_id` is a digest, so it carries no name, and it is the same after any loss of the database.
    """
    address, sender = inbound.address, inbound.sender
    return person(address.platform, address.account, sender.id, language(sender.language, inbound.text))


def person(platform: str, account: str, sender: str, language: str) -> User:
    """The same, of somebody who did not write anything yet."""
    name = f"coze-bridge:{platform}:{account}:{sender}"
    return User(
        platform=platform,
        account=account,
        sender=sender,
        coze_user=hashlib.sha256(name.encode()).hexdigest()[:32],
        language=language,
    )


def language(tag: str, written: str) -> str:
    """`zh` or `en`: as the platform says, and where it says nothing, as the person writes."""
    if tag:
        return "zh" if tag.lower().startswith("zh") else "en"
    return "zh" if _HAN.search(written) else "en"


def conversation_key(inbound: Inbound) -> str:
    """Names the conversation: the place and, where each person there has their own, the person.

    It begins with `platform:account:chat`, so that a chat that gets a new id can take its conversations along.
    """
    address = inbound.address
    place = f"{address.platform}:{address.account}:{address.chat}:{address.thread}"
    return f"{place}:{inbound.sender.id}" if inbound.personal else place


def thread_in(where: str) -> str:
    """The thread of that place; empty for none."""
    return (*where.split(":"), "", "", "", "")[3]


def in_thread(where: str, thread: str) -> str:
    """The same person's conversation in another thread of that chat."""
    platform, account, chat, _, *rest = where.split(":")
    return ":".join((platform, account, chat, thread, *rest))
