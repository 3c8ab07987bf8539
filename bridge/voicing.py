"""Whether a person hears answers, and in which voice: what they say about it, and what they are told."""

from collections.abc import Sequence

from bridge import fold
from bridge.catalogue import Catalogue, short
from bridge.commands import Saying
from bridge.model import Choice, Does, Inbound, User
from bridge.pages import LONGEST_LABEL
from bridge.ports import Bots, Store, Voice
from bridge.texts import text

MOST_BUTTONS = 8
MOST_NAMES = 40
"""Voices that are named beside those that have buttons."""
LONGEST_NAME = 60
OFF = "off"


class Voicing:
    """The command /voice and its buttons."""

    def __init__(self, *, store: Store, bots: Bots, catalogue: Catalogue, default: str = "") -> None:
        """`default`: Coze `voice_id` of who says no more than that they want to hear; empty: the first that speaks
        their language.
        """
        self._store = store
        self._bots = bots
        self._catalogue = catalogue
        self._default = default

    async def talk(self, inbound: Inbound, who: User, where: str) -> Saying:  # noqa: ARG002 - it is a Talk
        """Does what they said, or pressed. Kept before it is said: said twice, it is as if it were said once."""
        voices = await self._catalogue.voices(self._bots.route(inbound.address))
        wanted = inbound.press.partition(":")[2] if inbound.press else inbound.text.strip()
        if wanted.casefold() == OFF:
            await self._store.speak(who, "")
            return Saying(text("voice_is_off", who.language))
        if not voices:
            return Saying(text("voice_none", who.language))
        if not wanted:
            return self._listed(voices, await self._store.voice(who), who.language)
        chosen = self._chosen(voices, wanted, who.language, pressed=bool(inbound.press))
        if chosen is None:
            if inbound.press:
                return Saying(text("not_valid", who.language))
            name = fold.literal(fold.shortened(wanted, LONGEST_NAME))
            return Saying(text("voice_unknown", who.language, name=name))
        await self._store.speak(who, chosen.id)
        return Saying(text("voice_is_on", who.language, name=fold.literal(chosen.name)))

    def _chosen(self, voices: Sequence[Voice], wanted: str, language: str, *, pressed: bool) -> Voice | None:
        if pressed:
            return next((voice for voice in voices if short(voice.id) == wanted), None)
        if wanted.casefold() == "on":
            mine = [voice for voice in voices if voice.id == self._default]
            return (mine or _sorted(voices, language))[0]
        said = wanted.casefold()
        exact = [voice for voice in voices if said in (voice.name.casefold(), voice.id.casefold())]
        begun = [voice for voice in voices if voice.name.casefold().startswith(said)]
        return next(iter(exact or begun), None)

    def _listed(self, voices: Sequence[Voice], current: str, language: str) -> Saying:
        ordered = _sorted(voices, language)
        ordered.sort(key=lambda voice: voice.id != current)
        buttons = [
            Choice(
                does=Does.VOICE,
                label=fold.shortened(f"{'✅ ' if voice.id == current else ''}{voice.name}", LONGEST_LABEL),
                press=f"{Does.VOICE}:{short(voice.id)}",
            )
            for voice in ordered[:MOST_BUTTONS]
        ]
        buttons.append(Choice(does=Does.VOICE, label=text("voice_off_button", language), press=f"{Does.VOICE}:{OFF}"))
        name = next((voice.name for voice in voices if voice.id == current), current)
        state = text("voice_is_on", language, name=fold.literal(name)) if current else text("voice_is_off", language)
        parts = [state, text("voice_list", language)]
        if rest := [fold.literal(voice.name) for voice in ordered[MOST_BUTTONS : MOST_BUTTONS + MOST_NAMES]]:
            parts.append(text("voice_more", language, names=", ".join(rest)))
        return Saying("\n\n".join(parts), tuple(buttons))


def _sorted(voices: Sequence[Voice], language: str) -> list[Voice]:
    """Those first that speak the person's language."""
    return sorted(voices, key=lambda voice: not voice.language.lower().startswith(language))
