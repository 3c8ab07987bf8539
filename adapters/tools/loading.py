"""From the name of a function to a tool that can be called."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from adapters.tools.arguments import checked, parameters
from adapters.tools.toolbox import Tool
from bridge.errors import ConfigError


def loaded(name: str, call: str, *, ask: bool, seconds: float, options: Mapping[str, Any]) -> Tool:
    """The function `call` (`module:function`) as the tool of that name; `options` are given at each call.

    Raises ConfigError with one line that names the setting and the mend.
    """
    function = _function(f"tools.{name}.call", call)
    try:
        wanted, fixed = parameters(function)
    except ValueError as error:
        raise ConfigError(f"tools.{name}.call: {call}: {error}") from None
    try:
        values = checked(fixed, options)
    except ValueError as error:
        there = ", ".join(fixed) or "none"
        raise ConfigError(f"tools.{name}.options: {error}; {call} takes these options: {there}") from None
    return Tool(name=name, function=function, wanted=wanted, options=values, ask=ask, seconds=seconds)


def _function(setting: str, call: str) -> Callable[..., Any]:
    module_name, _, path = call.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            mend = "install it beside coze-bridge, or mend the name"
            raise ConfigError(f"{setting}: there is no module {module_name}; {mend}") from None
        raise ConfigError(f"{setting}: importing {module_name} failed ({error}); install what it needs") from None
    except Exception as error:  # whatever the operator's own code does when it is imported
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ConfigError(f"{setting}: importing {module_name} failed ({said}); mend that module") from None
    for part in path.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise ConfigError(f"{setting}: {module_name} has no function {path}; mend the name")
    if not callable(found) or inspect.isclass(found):
        raise ConfigError(f"{setting}: {call} is no function; name one")
    return found  # type: ignore[no-any-return]  # it is callable, as was just seen
