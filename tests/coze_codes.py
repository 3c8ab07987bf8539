"""Every code that Coze, Coze Studio or what stands before them is known to refuse with, and what is to become of it."""

from typing import Literal, NamedTuple

Remedy = Literal["wait", "again", "anew", "refuse"]
"""`wait` until Coze has room; `again`: ask once more; `anew`: in a new conversation; `refuse`: tell the person."""


class Row(NamedTuple):
    """One code."""

    code: int
    remedy: Remedy
    say: str
    """The sentence of the catalogue that a person sees, at once or when the remedy was in vain."""


CODES = [
    # Parameters: faults of ours
    Row(4000, "refuse", "malformed"),
    Row(4001, "refuse", "lost"),
    Row(4002, "anew", "failed"),
    Row(4003, "refuse", "malformed"),
    Row(4004, "refuse", "malformed"),
    Row(4005, "refuse", "malformed"),
    Row(4006, "refuse", "no_bot"),
    Row(4007, "refuse", "malformed"),
    # Limits, money, models
    Row(4008, "refuse", "daily"),
    Row(4009, "wait", "rate"),
    Row(4010, "refuse", "too_long"),
    Row(4011, "refuse", "balance"),
    Row(4012, "refuse", "no_model"),
    Row(4013, "again", "model"),
    Row(4014, "refuse", "unanswerable"),
    Row(4015, "refuse", "not_published"),
    Row(4016, "wait", "busy"),
    Row(4018, "refuse", "rejected"),
    Row(4019, "refuse", "balance"),
    Row(4020, "wait", "rate"),
    Row(4021, "refuse", "workflow"),
    Row(4022, "refuse", "balance"),
    Row(4027, "refuse", "quota"),
    Row(4028, "refuse", "quota"),
    Row(4033, "refuse", "quota"),
    # Who we are, and what may be said
    Row(4100, "refuse", "credentials"),
    Row(4101, "refuse", "permission"),
    Row(4102, "refuse", "risk"),
    Row(4104, "refuse", "failed"),
    Row(4105, "refuse", "content"),
    Row(4200, "refuse", "no_bot"),
    Row(4201, "refuse", "failed"),
    # Files
    Row(4300, "refuse", "file_empty"),
    Row(4301, "refuse", "file_many"),
    Row(4302, "refuse", "file_big"),
    Row(4303, "refuse", "file_type"),
    Row(4304, "refuse", "file"),
    # Workflows, and what is inside Coze
    Row(4314, "refuse", "workflow_over"),
    Row(4315, "refuse", "workflow_over"),
    Row(5000, "again", "failed"),
    Row(3010, "refuse", "not_spoken"),
    Row(701231, "refuse", "failed"),
    Row(700012006, "refuse", "credentials"),
    Row(720701013, "again", "workflow_away"),
    Row(720702204, "refuse", "workflow"),
    # Organisations and workspaces: two of each series
    Row(702042001, "refuse", "permission"),
    Row(702042999, "refuse", "permission"),
    Row(777074001, "refuse", "permission"),
    Row(777074012, "refuse", "permission"),
    # Coze Studio
    Row(103000000, "refuse", "malformed"),
    Row(103000001, "refuse", "permission"),
    Row(103000002, "anew", "failed"),
    Row(103100001, "again", "failed"),
    Row(103100002, "refuse", "no_bot"),
    Row(103200003, "refuse", "lost"),
    Row(103200004, "refuse", "workflow"),
    Row(103200005, "refuse", "failed"),
    # One that nobody has heard of
    Row(987654, "refuse", "failed"),
]
STATUSES = [
    Row(400, "refuse", "failed"),
    Row(401, "refuse", "credentials"),
    Row(402, "refuse", "balance"),
    Row(403, "refuse", "permission"),
    Row(404, "refuse", "no_call"),
    Row(405, "refuse", "no_call"),
    Row(408, "again", "unreachable"),
    Row(413, "refuse", "too_long"),
    Row(429, "wait", "rate"),
    Row(500, "again", "unreachable"),
    Row(502, "again", "unreachable"),
    Row(503, "again", "unreachable"),
    Row(504, "again", "unreachable"),
]
"""HTTP statuses without a code beside them."""
