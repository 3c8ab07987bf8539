"""The last look before a call leaves this process."""

from types import SimpleNamespace

import aiohttp

from bridge.halt import look


def watched() -> aiohttp.TraceConfig:
    """For a client session: when the first byte of a request is about to leave, `look` is asked whether it may.

    Between a look before the call and that moment a connection is waited for, or made; a process that is frozen there
    would write over what another has shown since.
    """

    async def leaving(_session: aiohttp.ClientSession, _of: SimpleNamespace, _what: object) -> None:
        look()

    traces = aiohttp.TraceConfig()
    # aiohttp calls it right before it writes them; what is raised there closes the connection and ends the call.
    traces.on_request_headers_sent.append(leaving)
    return traces
