"""A limit of the bytes of a request."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BodyLimit:
    """An ASGI application in front of another one that refuses long bodies with status 413.

    A body is read up to the limit before the other application sees it, whether its length is declared or not.

    Parameters
    ----------
    app : ASGI application
    max_bytes : int
    """

    def __init__(self, app: Any, max_bytes: int) -> None:
        self.app, self.max_bytes = app, max_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        messages = None if declared.isdigit() and int(declared) > self.max_bytes else await self._read(receive)
        if messages is None:
            await _refuse(send, f"the body has more than {self.max_bytes} bytes; send several requests")
            return
        waiting = iter(messages)

        async def replay() -> Message:
            message = next(waiting, None)
            return await receive() if message is None else message

        await self.app(scope, replay, send)

    async def _read(self, receive: Receive) -> list[Message] | None:
        """Return the messages of a body; None if it is too long."""
        messages: list[Message] = []
        n_bytes, is_over = 0, False
        while not is_over:
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > self.max_bytes:
                return None
            messages.append(message)
            is_over = message["type"] != "http.request" or not message.get("more_body", False)
        return messages


async def _refuse(send: Send, reason: str) -> None:
    body = json.dumps({"detail": [reason]}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    # the rest of the body is not read, so the connection cannot be used again
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
