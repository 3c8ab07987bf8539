"""The simulated Telegram tells each program of a penalty once: several may have the token of one bot."""

from simulators.telegram.flood import Flood

CHAT = "1001"


def closed():
    """A chat that one program has just been shut out of; for how long."""
    flood = Flood()
    while not (seconds := flood.admit("sendMessage", CHAT, 100.0, "one").retry_after):
        pass
    return flood, seconds


def test_whoever_was_not_told_learns_what_is_left_and_makes_it_no_longer():
    flood, seconds = closed()
    assert flood.defies("sendMessage", CHAT, 101.0, "one")
    assert not flood.defies("sendMessage", CHAT, 101.0, "another")
    assert flood.admit("sendMessage", CHAT, 101.0, "another").retry_after == seconds - 1
    assert not flood.admit("sendMessage", CHAT, 100.0 + seconds, "one").retry_after


def test_whoever_was_told_and_calls_all_the_same_makes_it_longer_for_all():
    flood, seconds = closed()
    flood.admit("sendMessage", CHAT, 101.0, "another")
    assert flood.defies("sendMessage", CHAT, 102.0, "another")
    assert flood.admit("sendMessage", CHAT, 102.0, "another").retry_after >= 1.5 * seconds
    assert flood.defies("sendMessage", CHAT, 102.0 + seconds, "one")
    assert (flood.refused, flood.defied) == (3, 2)
