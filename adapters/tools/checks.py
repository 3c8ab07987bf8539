"""What `coze-bridge doctor` looks at of the tools: whether each can be loaded, and how it will be called."""

from collections.abc import Callable, Mapping

from adapters.tools.toolbox import Tool
from bridge.errors import ConfigError
from bridge.findings import Findings, ok, wrong


async def look(tools: Mapping[str, Callable[[], Tool]]) -> Findings:
    """A finding for each tool; the functions load them."""
    for name, load in tools.items():
        try:
            tool = load()
        except ConfigError as error:
            what, _, mend = str(error).partition("; ")
            yield wrong(f"tool {name}", what, mend or "look at docs/tools.md")
        else:
            takes = ", ".join(tool.wanted) or "nothing"
            yield ok(f"tool {name}", f"takes {takes}" + ("; the person is asked first" if tool.ask else ""))
