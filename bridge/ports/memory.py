"""The seam to durable memory: the Store, and the processes that share it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bridge.model import (
    Access,
    Acquaintance,
    Address,
    Answered,
    Doomed,
    Erased,
    File,
    Inbound,
    Lease,
    Moved,
    Near,
    Past,
    Person,
    Post,
    Standing,
    Turn,
    TurnId,
    TurnState,
    TurnSummary,
    User,
    Waiting,
)
from bridge.ports.platform import (
    Shares,
)


class Effect(StrEnum):
    """What a command does to a conversation, in the transaction that makes the command durable."""

    NONE = "none"
    RENEW = "renew"
    """The next question starts a new Coze conversation."""
    CANCEL = "cancel"
    """The running question is to be cancelled, or the next if none runs."""


class TurnedAway(StrEnum):
    """What became of the attempt of somebody who may not talk to us."""

    TOLD = "told"
    """They will be told so."""
    SILENT = "refused"
    """They were told not long ago."""
    SEEN = "seen"
    """This very message was seen before."""
    CROWDED = "crowded"
    """So many were told lately that this one is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A command and what is replied to it, as `Answer.dump` writes it: durable together with what it does, and once."""

    inbound: Inbound
    who: User
    reply: str


class Peers(Protocol):
    """The processes beside us on the same database. Those that take a time mean that of `Clock.monotonic`."""

    @property
    def sure_seconds(self) -> float:
        """What was renewed is surely ours for no longer than this: without end while the others see that we live, else
        less than they wait before they take us for dead.
        """

    async def run(self, us: Lease, wake: Callable[[], None]) -> None:
        """Until it is cancelled: calls `wake` when there may be something to claim or to cancel, shows the others that
        the owner of `us` lives, and ends the leases and duties of those that have died.
        """

    async def take(self, duty: str, owner: str) -> float:
        """Until when that duty is surely this owner's, who takes or keeps it; 0: somebody else has it.

        Raises Unreachable; it may be ours all the same.
        """

    async def lay_down(self, duty: str, owner: str) -> None:
        """Somebody else may take it at once, and is told. Raises Unreachable."""

    async def vacancy(self, seconds: float) -> None:
        """Returns when a duty was laid down, or after so many seconds."""


class Logins(Protocol):
    """Tokens of people who speak to Coze with an account of their own, encrypted by who keeps them here."""

    async def begin_login(self, told: Told, state: str, sealed: str, *, seconds: float) -> None:
        """Whoever wrote that is sent to Coze, to come back with that `state` (a digest of it) within so many seconds.
        A login that they had begun before is over. Nothing is done, and nothing told, if it was seen before.
        """

    async def end_login(self, state: str) -> tuple[User, str] | None:
        """Who came back, and what was sealed for that; once, and not too late."""

    async def hold_login(self, who: User, state: str, sealed: str, *, seconds: float) -> bool:
        """They came back, and for so long their login waits, under that `state`, for what they say in the chat. False:
        they have begun another one by now, or were forgotten.
        """

    async def begun(self, state: str) -> str:
        """What is sealed of the login with that state; empty: there is none, or it is too late."""

    async def try_login(
        self, told: Told, state: str, *, instead: str, left: str = "", tokens: str = "", until: float = 0.0
    ) -> bool:
        """Whoever wrote that tried to finish their login, of which `instead` is sealed. From now on that is `left`, or
        if that is empty, the login is over. `tokens`: they are logged in with these, until then at most. False, and
        nothing changes: something else is sealed by now, or nothing. True as well if it was seen before.
        """

    async def login(self, coze_user: str) -> str:
        """Their tokens, sealed; empty: they are not logged in."""

    async def keep_login(self, who: User, sealed: str, *, until: float, instead: str = "") -> bool:
        """Those are their tokens now, until that Unix time at most. `instead` of what is kept now: False, and nothing
        changes, if that is something else; empty: whatever is kept.
        """

    async def drop_login(self, coze_user: str, *, kept: str = "") -> bool:
        """They are logged out; False if they were not logged in. `kept`: only if that is what is kept now."""

    async def logins(self) -> list[tuple[str, float]]:
        """Coze `user_id` of everybody who is logged in, and until when at most; who ends first comes first."""


class Store(Protocol):
    """Durable memory. Each method is one transaction; what it returned from survives a power cut.

    Methods that take a Turn raise LeaseLost, and change nothing, once another claim has replaced `turn.lease`.
    All may raise Unreachable if the database does not answer. Times are Unix seconds from the Clock. What others may
    have to know, they are told after its commit.
    """

    @property
    def logins(self) -> Logins:
        """Who is logged in to Coze."""

    @property
    def peers(self) -> Peers | None:
        """The processes beside us; None where the database is ours alone."""

    async def receive(
        self, inbound: Inbound, who: User, where: str, *, bot: str = "", interrupt: bool = False, gather: float = 0.0
    ) -> TurnId | None:
        """Makes a question durable: user, conversation with key `where`, turn for that bot. With `interrupt`, what this
        person asked there before, and what is not settled, is to be cancelled.

        `gather`: for so many seconds, more of `inbound.album` may come. Nothing of the album is claimed before that;
        then all of it that has come is claimed as one question with all its files. What comes even later is a question
        of its own. None: seen before, or they were blocked a moment ago; nothing of it is kept.
        """

    async def retire(self, where: str, before: float) -> bool:
        """If nothing was asked in that conversation since then, and nothing waits there, the next question begins a new
        one; True if that is so.
        """

    async def pasts(self, where: str, who: User, *, limit: int = 10, bot: str | None = None) -> list[Past]:
        """The conversations at that place in which this person asked, the one that was used last first.

        With `bot`, only those that are held with it: where another one answers by now, the next question begins a new
        one whatever was resumed.
        """

    async def resume(self, inbound: Inbound, who: User, where: str, conversation: int, reply: str) -> bool:
        """Makes a command durable, with its answer, after which that conversation of `pasts` goes on in place of the
        one that does now. False: there is none such; nothing is changed or kept. True as well: the command was seen
        before.
        """

    async def voice(self, who: User) -> str:
        """The Coze `voice_id` in which that person hears answers; empty: they do not."""

    async def speak(self, who: User, voice: str) -> None:
        """From now on they hear answers in that voice; empty: no more."""

    async def waits(self, where: str) -> str:
        """What that conversation waits for, as `Pending.dump` wrote it; empty: nothing, or there is none such."""

    async def is_busy(self, where: str) -> bool:
        """Is a question of that conversation on its way, or waiting?"""

    async def obey(
        self, inbound: Inbound, who: User, where: str, effect: Effect, reply: Callable[[Standing], str]
    ) -> Standing | None:
        """Makes a command durable, with its effect and with its answer (`reply`, as `Answer.dump` writes it).

        `Standing` is read before the effect. None: seen before, or they were blocked a moment ago; nothing is kept.
        """

    async def acquaintance(self, who: User) -> Acquaintance:
        """What we know of that person."""

    async def turn_away(
        self, inbound: Inbound, who: User, reply: str, *, code: str, seconds: float, most: int
    ) -> TurnedAway:
        """Makes durable that this person tried and is told `reply` (as `Answer.dump` writes it); of the message nothing
        is kept but where it stands. Not again for so many seconds, and not to more than `most` people of one account at
        a time. `code` is the digest of a pairing code in the reply, or empty. Erases strangers who gave up long ago.
        """

    async def admit(self, code: str) -> Person | None:
        """Pairs whoever was told the code with that digest, once; None if nobody was, or it has expired."""

    async def people(
        self, *, id: int | None = None, platform: str | None = None, sender: str | None = None
    ) -> list[Person]:
        """Everybody, or that row, or that person of the platform on each of our accounts; in order of their rows."""

    async def acquaint(self, who: User) -> None:
        """Makes the row of somebody who never wrote to us, if there is none."""

    async def decide(self, people: Collection[int], access: Access) -> None:
        """By hand: that is their access from now on, and their codes are void. What the blocked asked is stopped."""

    async def forget(self, people: Collection[int]) -> Erased:
        """By hand: erases those people, their turns with their posts, and conversations that nobody else asked in.

        The Coze conversations that nobody else asked in are kept as doomed, until Coze has erased them.
        """

    async def scrub(self) -> bool:
        """After `forget`: sees to it that the files of the database hold no copy of what was erased.

        Takes up to some seconds, in which nobody else may be able to write. False: copies may be left for a while, as
        the database is large, or much in use.
        """

    async def doomed(self) -> list[Doomed]:
        """Coze conversations that Coze is still to erase, oldest first."""

    async def drop_doomed(self, coze_conversation: str) -> None:
        """Coze has erased it, or never will."""

    async def erase_texts(self, before: float, *, most: int) -> int:
        """Erases question, answer and error of at most so many turns that were settled before that time; how many.

        The turn stays, with its times and states: the same message is not taken for a new one.
        """

    async def tidy(self) -> None:
        """What a database needs after erasing, a little of it: gives room back to the disk, forgets what is over."""

    async def takes_part(self, where: str, who: User) -> bool:
        """Has this person asked something in the conversation with that key?"""

    async def latest_place(self, address: Address, who: User, like: str = "") -> str:
        """Key of the newest conversation of that chat, in whichever thread, in which this person asked; or empty.

        With `like`, the key of a conversation, only one that differs from it in nothing but the thread.
        """

    async def last_question(self, where: str, who: User) -> tuple[str, tuple[File, ...]]:
        """What this person asked last in that conversation and what they sent along, or nothing."""

    async def answered(self, turn: TurnId, address: Address) -> Answered | None:
        """The answer that was delivered as that turn; None if there is none such in that chat of that account."""

    async def judge(self, turn: TurnId, address: Address, judgement: str) -> Answered | None:
        """The same, and from now on it is judged as `like`, `dislike` or nothing; `judged` is what it was until now."""

    async def move(self, moved: Moved) -> None:
        """Conversations and unsettled turns of the old chat belong to the new one from now on; posts are forgotten."""

    async def claim(self, lease: Lease, serving: Collection[tuple[str, str]], *, merge: bool = False) -> Turn | None:
        """Takes the oldest turn that may go on, of those (platform, account) pairs; None if there is none.

        That is: unsettled, due, not under somebody's living lease, and the head of its conversation; commands first.
        With `merge`, what the same person asked right behind it becomes one question with it: the newest of them goes
        on, and the others are delivered without an answer of their own.
        """

    async def untold(
        self,
        serving: Collection[tuple[str, str]],
        *,
        since: float,
        after: Waiting | None = None,
        heads: bool = False,
        limit: int = 20,
    ) -> list[Waiting]:
        """The oldest questions, received before `since`, that wait and of which nothing has been shown or tried.

        Behind `after` only, in the order of their coming; with `heads`, only the first of each conversation.
        """

    async def hold(self, lease: Lease, turn: TurnId) -> Turn | None:
        """Takes a question that waits, without beginning it: no claim takes it, and others see it wait as before.

        None if it does not wait any more. `postpone` lets go of it.
        """

    async def before(self, turn: Turn, *, all_busy: bool) -> int:
        """How many questions are before that one which waits: in its conversation or, with `all_busy`, of those that
        want a worker and may have one; whichever is more.
        """

    async def renew(self, lease: Lease, held: Collection[TurnId]) -> Mapping[TurnId, bool | None]:
        """Prolongs this owner's leases on those turns; the ones it still holds, and whether each is to be cancelled.

        None: it is not prolonged, as its row is in use; ask again soon.
        """

    async def release(self, owner: str) -> None:
        """Ends all leases of this owner: others may claim its turns at once."""

    async def asking(self, turn: Turn, coze_conversation: str, *, at: float) -> None:
        """Coze is about to be asked, in that Coze conversation, which is kept for the questions to come."""

    async def forget_conversation(self, turn: Turn) -> None:
        """The Coze conversation is gone: the next question makes a new one."""

    async def streaming(self, turn: Turn, chat: str) -> None:
        """Coze took the question as that chat."""

    async def remember(self, partial: Mapping[Turn, str]) -> None:
        """So much is known of answers on their way, as `Answer.dump` wrote it, for whoever goes on after a crash.

        Left out are those whose lease has been replaced, or which are not `streaming`.
        """

    async def prepared(self, turn: Turn, files: Sequence[File]) -> None:
        """What came with the question has been uploaded or transcribed, as `File.coze` and `File.heard` say."""

    async def uploaded(self, library: str, digest: str) -> str:
        """The Coze `file_id` of a file with that digest, uploaded there not too long ago; or empty."""

    async def keep_upload(self, library: str, digest: str, file_id: str, *, seconds: float) -> None:
        """It has been uploaded there, and can be used for so long. Forgotten by `tidy` after that."""

    async def finalising(self, turn: Turn, answer: str, *, pending: str = "") -> None:
        """The answer is complete, as `Answer.dump` wrote it; from now on its conversation waits for `pending`."""

    async def settle(self, turn: Turn, state: TurnState, error: str = "") -> None:
        """The end: `delivered`, `failed` or `cancelled`. Of a command the answer is forgotten: it may hold a code."""

    async def postpone(self, turn: Turn, state: TurnState, *, until: float, attempts: int, error: str = "") -> None:
        """Lets go of the turn until that time. State `received` forgets chat and asked_at: Coze is asked anew."""

    async def posts(self, turn: Turn) -> list[Post]:
        """In order of their pages."""

    async def near(self, turn: Turn) -> Near:
        """The messages of turns that came shortly before or after it, and in its own chat of all that came after it."""

    async def keep_post(self, turn: Turn, post: Post) -> None:
        """Writes the post down: before its send without a message id, after it with one."""

    async def adopt_post(self, turn: Turn, post: Post, *, sure: bool) -> bool:
        """Writes down a post whose message was found, unless that is another post's by now.

        Not `sure`: nor if it could be one whose send was begun, in the same chat, and whose id is not known either.
        """

    async def drop_post(self, turn: Turn, page: int) -> None:
        """That message does not stand any more."""

    async def repaint(self, turn: Turn, pages: Collection[int]) -> bool:
        """Those pages of the answer are to be shown once more, whoever has settled it. False: nobody has yet, or the
        conversation goes on.
        """

    @property
    def shares(self) -> Shares | None:
        """What all processes share; None: there is no other process."""

    async def penalise(self, name: str, seconds: float) -> None:
        """No call of the budget with that name may go out for so long. A longer penalty stands."""

    async def penalties(self) -> Mapping[str, float]:
        """The penalties that are not over: names of budgets, and for how many seconds more."""

    async def next_due(self) -> float | None:
        """Seconds until the first of those turns becomes due that wait for a later time; None if none waits."""

    async def turns(self, *, states: Collection[str] = (), since: float = 0.0, limit: int = 50) -> list[TurnSummary]:
        """Newest first."""

    async def turn(self, turn_id: int) -> TurnSummary | None: ...

    async def ask_again(self, turn_id: int) -> bool:
        """By hand: a failed or cancelled question is received again. False if there is none such, or it is erased."""

    async def cancel(self, turn_id: int) -> bool:
        """By hand: the flag is set on an unsettled turn. False if there is none such."""

    async def waiting(self) -> Mapping[str, int]:
        """Number of unsettled turns by state; for /metrics and, as it proves that the database answers, /readyz."""

    async def oldest_due(self) -> float | None:
        """When the oldest turn was received that is neither settled nor waits for a later time; None: there is none."""

    async def aclose(self) -> None: ...
