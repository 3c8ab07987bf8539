"""What a function takes, by its annotations, and the check of what it is given."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

MOST_COMPLAINTS = 5
"""Of one call: a model that got so much wrong needs no longer list."""
LONGEST_NAME = 60
"""Characters of an argument's name, where a complaint repeats it."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a function."""

    type: TypeAdapter[Any]
    required: bool


Parameters = Mapping[str, Parameter]


def parameters(function: Callable[..., Any]) -> tuple[Parameters, Parameters]:
    """What whoever calls it gives, and what is fixed beforehand: the arguments behind a `*` in its signature.

    Raises ValueError, which says what is wrong and the mend, if that cannot be told of each argument.
    """
    try:
        hints = get_type_hints(
            function if inspect.isroutine(function) else type(function).__call__, include_extras=True
        )
        signature = inspect.signature(function)
    except (TypeError, ValueError, NameError, AttributeError) as error:
        raise ValueError(f"its arguments cannot be read ({error}); annotate them with types that exist") from None
    given: dict[str, Parameter] = {}
    fixed: dict[str, Parameter] = {}
    for name, one in signature.parameters.items():
        if one.kind in (one.POSITIONAL_ONLY, one.VAR_POSITIONAL, one.VAR_KEYWORD):
            raise ValueError(f"its argument {name} cannot be given by name; write neither `/` nor `*args` nor `**more`")
        if name not in hints:
            raise ValueError(f"its argument {name} has no type; annotate it: {name}: str")
        try:
            checker: TypeAdapter[Any] = TypeAdapter(hints[name])
        except (PydanticUserError, PydanticUndefinedAnnotation):
            raise ValueError(f"the type of its argument {name} is no plain data; use str, int, list[str], …") from None
        kind = fixed if one.kind is one.KEYWORD_ONLY else given
        kind[name] = Parameter(checker, one.default is one.empty)
    return given, fixed


def checked(wanted: Parameters, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the types say. Raises ValueError, which names what is unknown, missing or of another type."""
    complaints = [f"{_short(name)}: is no argument of it" for name in given if name not in wanted]
    complaints += [f"{name}: is missing" for name, one in wanted.items() if one.required and name not in given]
    values: dict[str, Any] = {}
    for name, one in wanted.items():
        if name not in given:
            continue
        try:
            values[name] = one.type.validate_python(given[name])
        except ValidationError as error:
            complaints += [
                f"{'.'.join([name, *map(str, fault['loc'])])}: {fault['msg'].removeprefix('Value error, ')}"
                for fault in error.errors(include_url=False, include_input=False, include_context=False)
            ]
    if complaints:
        more = len(complaints) - MOST_COMPLAINTS
        raise ValueError("; ".join(complaints[:MOST_COMPLAINTS]) + (f"; and {more} more" if more > 0 else ""))
    return values


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"
