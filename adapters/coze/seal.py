"""Keeps what only we may read in places that others may read too: encrypted with a key of the operator's."""

import json
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from adapters.coze.oauth import padded


class Seal:
    """Closes with the first key and opens with each of them, so that a key can be replaced by putting one before it."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys`: at least one, each of 32 characters or more that nobody can guess."""
        self._fernet = MultiFernet([Fernet(_derived(key)) for key in keys])

    def close(self, meant_for: str, what: dict[str, Any]) -> str:
        """That JSON object as text that tells nothing; only who says the same `meant_for` opens it."""
        said = json.dumps({"for": meant_for, "what": what}, ensure_ascii=False, separators=(",", ":"))
        return self._fernet.encrypt(said.encode()).decode()

    def open(self, meant_for: str, closed: str) -> dict[str, Any] | None:
        """What `close` was given; None if it was meant for something else, is changed, or is of an unknown key."""
        try:
            said = json.loads(self._fernet.decrypt(closed.encode()))
        except (InvalidToken, ValueError):
            return None
        what = said.get("what")
        return what if said.get("for") == meant_for and isinstance(what, dict) else None


def _derived(key: str) -> bytes:
    """A Fernet key. The salt may be fixed, as the operator's key is no password but random."""
    made = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"coze-bridge", info=b"login").derive(key.encode())
    return padded(made)
