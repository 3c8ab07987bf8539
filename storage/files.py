"""What came with a question, as JSON in a form that a process of an older version beside us can read as well."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from bridge.model import File

#: What versions up to schema 0005 know of a file: they cannot read one of which more is said.
_PLAIN = ("kind", "ref", "name", "size")
#: Kind of the last in the list, which is no file: its `ref` is a list of what else is known of those before it.
_MORE = "+"
_KNOWN = {known.name for known in fields(File)}


def dump(files: Sequence[File]) -> list[dict[str, Any]]:
    """The value of `turns.files`."""
    if not files:
        return []
    rows = [asdict(file) for file in files]
    more = [{name: value for name, value in row.items() if value and name not in _PLAIN} for row in rows]
    plain = [{name: row[name] for name in _PLAIN} for row in rows]
    return [*plain, {"kind": _MORE, "ref": json.dumps(more, ensure_ascii=False)}] if any(more) else plain


def load(dumped: Sequence[Mapping[str, Any]]) -> tuple[File, ...]:
    """What `dump` made of them, also if a later version did, which may know more of them."""
    if not dumped:
        return ()
    *first, last = dumped
    rows = [dict(row) for row in dumped]
    if last["kind"] == _MORE:
        rows = [{**row, **more} for row, more in zip(first, json.loads(last["ref"]), strict=True)]
    return tuple(File(**{name: value for name, value in row.items() if name in _KNOWN}) for row in rows)
