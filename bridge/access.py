"""Who may talk to the bot: the list in ALLOW, and the codes with which strangers are let in."""

import hashlib
import re
import secrets
from dataclasses import dataclass

from bridge.errors import ConfigError
from bridge.model import Inbound

_ENTRY = re.compile(r"(?a)telegram:\d+|telegram:chat:-?\d+|slack:[TE]\w+|slack:[TE]\w+:[UW]\w+|slack:[TE]\w+:[CGD]\w+")
FORMS = "*, telegram:123, telegram:chat:-100123, slack:T012, slack:T012:U034 or slack:T012:C056, separated by commas"
_PERSON = re.compile(r"(?a)telegram:\d+|slack:[TE]\w+:[UW]\w+")
PEOPLE = "telegram:123 or slack:T012:U034, separated by commas"
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 characters that nobody takes for one another: no I, O, 0 or 1."""
_LENGTH = 8
"""Of a code: 40 bits, of which nobody guesses one in the hour that it lives."""


@dataclass(frozen=True, slots=True)
class AllowList:
    """The entries of ALLOW; `*` admits everybody."""

    entries: frozenset[str]

    def admits(self, inbound: Inbound) -> bool:
        """Is this sender, chat or workspace on the list?"""
        address, sender = inbound.address, inbound.sender.id
        if address.platform == "telegram":
            names = {f"telegram:{sender}", f"telegram:chat:{address.chat}"}
        else:
            # In a channel that is shared with another organisation, its people are not of our workspace.
            ours = f"{address.platform}:{address.account}"
            theirs = f"{address.platform}:{inbound.sender.team}" if inbound.sender.team else ours
            names = {theirs, f"{theirs}:{sender}", f"{ours}:{sender}", f"{ours}:{address.chat}"}
        return "*" in self.entries or not self.entries.isdisjoint(names)


def parse_access(allow: str) -> AllowList:
    """Reads ALLOW. Raises ConfigError naming the entry that is none."""
    entries = frozenset(entry.strip() for entry in allow.split(",") if entry.strip())
    for entry in sorted(entries):
        if entry != "*" and not _ENTRY.fullmatch(entry):
            raise ConfigError(f"ALLOW: {entry!r} is no entry; write {_meant(entry) or FORMS}")
    if not entries:
        raise ConfigError(f"ALLOW: names nobody; unset it, or write {FORMS}")
    return AllowList(entries)


@dataclass(frozen=True, slots=True)
class Admin:
    """Somebody who is told what is wrong with the service."""

    platform: str
    account: str
    """Slack team id; empty: any account of ours."""
    sender: str


def parse_admins(admins: str) -> list[Admin]:
    """Reads ADMINS. Raises ConfigError naming the entry that is no person."""
    entries = [entry.strip() for entry in admins.split(",") if entry.strip()]
    found = []
    for entry in dict.fromkeys(entries):
        if not _PERSON.fullmatch(entry):
            raise ConfigError(f"ADMINS: {entry!r} is no person; write {PEOPLE}")
        platform, *account, sender = entry.split(":")
        found.append(Admin(platform, account[0] if account else "", sender))
    if not found:
        raise ConfigError(f"ADMINS: names nobody; unset it, or write {PEOPLE}")
    return found


def _meant(entry: str) -> str:
    """The entry for a bare number: people's are positive in Telegram, groups' negative."""
    number = re.fullmatch(r"(?:telegram:)?(-?)([0-9]+)", entry)
    return f"telegram:{'chat:-' if number[1] else ''}{number[2]}" if number else ""


def new_code() -> str:
    """A pairing code as people see it: `XXXX-XXXX`."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return f"{letters[: _LENGTH // 2]}-{letters[_LENGTH // 2 :]}"


def code_digest(code: str) -> str:
    """What is kept of a code: SHA-256 in hex. Case, dashes and blanks do not matter."""
    letters = re.sub(r"[\s\-\u2010-\u2015]", "", code).upper()
    return hashlib.sha256(f"coze-bridge pairing code {letters}".encode()).hexdigest()
