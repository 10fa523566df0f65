"""The agent's way to write to the API: many requests at once, none of which holds up the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from nodebynode.errors import ApiError
from nodebynode.kube import Api, Json

_THREADS = 12
_FIRST, _LAST = 0.1, 0.5
"""Seconds between two tries: short, for a cluster that starts waits for the first that succeeds."""
STRATEGIC = "application/strategic-merge-patch+json"


class Door:
    """The synchronous `Api`, awaited.

    Args:
        api: The agent's own connection.
        note: Told of what the server refuses.
    """

    def __init__(self, api: Api, note: Callable[[str], None] = lambda _: None) -> None:
        self._api, self._note = api, note
        self._pool = ThreadPoolExecutor(_THREADS, "door")

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        content_type: str = "application/json",
    ) -> Json:
        """Send one request.

        Raises:
            ApiError: the server refused, or did not answer (status 0).
        """
        send = partial(self._api.request, method, path, body=body, content_type=content_type)
        return await asyncio.get_running_loop().run_in_executor(self._pool, send)

    async def insist(
        self, method: str, path: str, *, body: object, content_type: str = "application/json"
    ) -> Json | None:
        """Send a request until the server has taken or refused it; None when it has refused.

        A server that is away, overloaded, or has not yet heard of the agent's rights is asked
        again; that a thing is not there, or is another one by now, is an answer.
        """
        wait = _FIRST
        while True:
            try:
                return await self.request(method, path, body=body, content_type=content_type)
            except ApiError as error:
                if error.status and error.status not in (401, 403, 429) and error.status < 500:
                    if error.status not in (404, 409):  # gone, or another one by now, or there
                        self._note(f"{method} {path} was refused: {error.seen}")
                    return None
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LAST)

    def close(self) -> None:
        """Let go of the threads; a request in flight ends by its own time limit."""
        self._pool.shutdown(wait=False, cancel_futures=True)
