"""Pairing codes: what they look like, and what is kept of them."""

import re

import pytest

from bridge.access import code_digest, new_code, parse_access
from bridge.model import Address, Inbound, Sender


def test_a_code_is_easy_to_read_and_hard_to_guess():
    codes = {new_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert all(re.fullmatch(r"[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}", code) for code in codes)
    letters = set("".join(codes)) - {"-"}
    assert len(letters) == 32, "8 characters of 32 are 40 bits"


def test_case_dashes_and_blanks_do_not_matter_and_all_else_does():
    kept = code_digest("ABCD-2345")
    assert re.fullmatch(r"[0-9a-f]{64}", kept)
    for same in ("abcd2345", " AbCd 2345\n", "ABCD–2345", "ab-cd-23-45"):
        assert code_digest(same) == kept
    for other in ("ABCD-2346", "ABCD-234", "ABCD-23455", ""):
        assert code_digest(other) != kept


def wrote(user: str, team: str, channel: str = "C1") -> Inbound:
    return Inbound(
        key="k",
        address=Address(platform="slack", account="TOURS", chat=channel),
        sender=Sender(id=user, team=team),
        text="hello",
        sent_at=0.0,
        sort_key="0",
    )


@pytest.mark.parametrize(
    ("allow", "user", "team", "admitted"),
    [
        ("slack:TOURS", "U1", "TOURS", True),
        ("slack:TOURS", "U1", "", True),
        ("slack:TOURS", "U1", "TTHEIRS", False),
        ("slack:TTHEIRS", "U1", "TTHEIRS", True),
        ("slack:TTHEIRS", "U1", "TOURS", False),
        ("slack:TOURS:U1", "U1", "TOURS", True),
        ("slack:TOURS:U1", "U1", "TTHEIRS", True),
        ("slack:TTHEIRS:U1", "U1", "TTHEIRS", True),
        ("slack:TOURS:U1", "U2", "TOURS", False),
        ("slack:TOURS:C1", "U1", "TTHEIRS", True),
        ("slack:TOURS:C2", "U1", "TOURS", False),
        ("telegram:1", "U1", "TOURS", False),
        ("*", "U1", "TTHEIRS", True),
    ],
)
def test_in_slack_a_workspace_means_its_own_people(allow: str, user: str, team: str, admitted: bool) -> None:
    assert parse_access(allow).admits(wrote(user, team)) is admitted
