"""The Bot port over Coze's OpenAPI, in the cloud or as a self-hosted Coze Studio."""

import warnings

# cozepy imports authlib.jose, which says, past every filter, that it is deprecated.
with warnings.catch_warnings(record=True):
    import cozepy

from adapters.coze.auth import jwt_auth, token_auth
from adapters.coze.bot import CozeBot

# cozepy prints to stderr by a handler of its own, and at DEBUG the bodies: what people wrote. We log what matters.
cozepy.setup_logging(50)

__all__ = ["CozeBot", "jwt_auth", "token_auth"]
