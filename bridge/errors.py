"""Everything that can go wrong, classed by what to do about it.

BridgeError
├─ ConfigError                        a setting is wrong: one line, exit status 78
├─ Transient(retry_after, certain)    wait and try again
│  ├─ RateLimited                     the other side said how long to wait
│  ├─ Unreachable                     no answer, or a server error
│  ├─ Busy                            the conversation is taken at the moment
│  └─ Unsure                          somebody else may have the turn by now: look again soon
├─ Permanent                          trying again is pointless: tell the person
│  ├─ Refused                         the platform lets us not write here
│  ├─ Gone                            what we referred to no longer exists
│  ├─ Unrenderable                    the platform does not take this text in this form
│  └─ BotFailed                       Coze will not answer this question
└─ LeaseLost                          somebody else has the turn: let go without a word
"""


class BridgeError(Exception):
    """Something expected went wrong.

    `say` names the sentence of the catalogue (`bridge.texts`) that a person sees for it; `reference` is what the
    operator needs to find it again (the Coze log id); `code` is Coze's error code, or an HTTP status below 600, or 0.
    The message itself is for the log and holds no secret.
    """

    def __init__(self, message: str = "", *, say: str = "failed", reference: str = "", code: int = 0) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])
        self.say = say
        self.reference = reference
        self.code = code


class ConfigError(BridgeError):
    """A setting is missing or wrong; the message names it and the mend."""


class Transient(BridgeError):
    """It did not work now; later it may.

    `retry_after` is in seconds, 0 if the other side named none. `certain` tells whether it surely did not happen:
    False means that a send may have arrived although its response did not.
    """

    def __init__(
        self,
        message: str = "",
        *,
        retry_after: float = 0.0,
        certain: bool = True,
        say: str = "unreachable",
        reference: str = "",
        code: int = 0,
    ) -> None:
        super().__init__(message, say=say, reference=reference, code=code)
        self.retry_after = retry_after
        self.certain = certain


class RateLimited(Transient):
    """The other side asks us to wait `retry_after` seconds."""


class Unreachable(Transient):
    """The other side does not answer, or answers with a server error."""


class Busy(Transient):
    """The Coze conversation has another chat running (4016); nothing was created."""


class Unsure(Transient):
    """It is not sure that this turn is still ours. Nothing failed: it goes on in the state in which it is."""

    def __init__(self) -> None:
        super().__init__("it is not sure that this turn is still ours", certain=False)


class Permanent(BridgeError):
    """Trying the same again cannot help."""


class Refused(Permanent):
    """The platform does not let us write there (blocked, kicked, archived)."""


class Gone(Permanent):
    """The message, chat or Coze conversation that we referred to no longer exists."""


class Unrenderable(Permanent):
    """The platform does not accept this text in this form (markup, length)."""


class BotFailed(Permanent):
    """Coze will not answer this question."""


class LeaseLost(BridgeError):
    """Another worker has this turn now."""
