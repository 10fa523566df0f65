"""A thin door to one cluster's API server: plain JSON in and out, our own errors.

The official client carries the connection (certificates, tokens, exec plugins, proxies). Its typed
models are left aside on purpose: the course shows objects as the API gives them, and raw JSON does
not lose fields that a model does not know yet.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import client, config

from nodebynode.errors import ApiError
from nodebynode.kube.kinds import Kind

Json = dict[str, Any]
_POOL = 32
"""Connections that are kept; the node agent has a dozen requests and some watches at once."""
_SILENCE = 90.0
"""Seconds without a word after which a watch with bookmarks, one a minute, is taken for dead."""
_MERGE_PATCH = "application/merge-patch+json"


class Api:
    """One cluster's API, through one kubeconfig file.

    Args:
        kubeconfig: The file; never the user's own `~/.kube/config`.
        context: The context to use, or the file's current one.

    Raises:
        ApiError: the file is missing or cannot be understood.
    """

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        self.kubeconfig = kubeconfig
        settings = client.Configuration()
        settings.retries = False
        settings.connection_pool_maxsize = _POOL
        try:
            config.load_kube_config(
                str(kubeconfig),
                context=context,
                client_configuration=settings,
                persist_config=False,
            )
        except Exception as error:  # the client checks no types: a damaged file raises anything
            raise ApiError(
                f"The kubeconfig {kubeconfig} cannot be used: {' '.join(str(error).split())}",
                "Write it again with `nodebynode up`.",
            ) from error
        self._client = client.ApiClient(settings)
        self._watching: dict[int, Any] = {}  # the answer that each thread is reading
        self.server: str = settings.host

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str | int] | None = None,
        content_type: str = "application/json",
        timeout: float = 10,
    ) -> Json:
        """Send one request and return the JSON answer.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: The path below the server's address, e.g. `/api/v1/nodes`.
            body: Sent as JSON.
            query: Query parameters.
            content_type: Of the body; matters for patches.
            timeout: Seconds for the whole request.

        Raises:
            ApiError: the server refused, or did not answer in time (status 0).
        """
        answer = self._send(method, path, body, query, content_type, timeout)
        text = answer.read()
        return self._checked(answer.status, text)

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Json:
        """Return one object; `ApiError` with status 404 when there is none."""
        return self.request("GET", kind.path(namespace, name))

    def find(self, kind: Kind, name: str, namespace: str | None = None) -> Json | None:
        """Return one object, or None when there is none of that name."""
        try:
            return self.get(kind, name, namespace)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
    ) -> list[Json]:
        """Return all objects of a kind, in one namespace or everywhere.

        Args:
            kind: The kind.
            namespace: One namespace; all of them when None.
            labels: A label selector, e.g. `app=shop`.
            fields: A field selector, e.g. `spec.nodeName=worker`.
        """
        query = {"labelSelector": labels, "fieldSelector": fields}
        asked = {key: value for key, value in query.items() if value}
        return list(self.request("GET", kind.path(namespace), query=asked)["items"])

    def create(self, kind: Kind, body: Json, namespace: str | None = None) -> Json:
        """Create an object and return it as the server stored it."""
        return self.request("POST", kind.path(namespace), body=body)

    def patch(
        self, kind: Kind, name: str, body: Json, namespace: str | None = None, *, sub: str = ""
    ) -> Json:
        """Apply a JSON merge patch: given fields replace, null removes, lists are whole."""
        path = kind.path(namespace, name, sub)
        return self.request("PATCH", path, body=body, content_type=_MERGE_PATCH)

    def delete(
        self, kind: Kind, name: str, namespace: str | None = None, *, grace: int | None = None
    ) -> None:
        """Delete one object; that it is already gone is fine.

        Args:
            kind: The kind.
            name: The object's name.
            namespace: Its namespace.
            grace: Grace period in seconds; the object's own when None.
        """
        body: Json = {"propagationPolicy": "Background"}
        if grace is not None:
            body["gracePeriodSeconds"] = grace  # in the query the server would not look at it
        try:
            self.request("DELETE", kind.path(namespace, name), body=body)
        except ApiError as error:
            if error.status != 404:
                raise

    def evict(self, pod: str, namespace: str) -> None:
        """Ask for an eviction; `ApiError` with status 429 when a budget forbids it."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace},
        }
        self.request("POST", Kind.POD.path(namespace, pod, "eviction"), body=body)

    def ready(self) -> bool:
        """Whether the server answers and calls itself ready."""
        try:
            answer = self._send("GET", "/readyz", None, None, "application/json", 2)
        except ApiError:
            return False
        return int(answer.status) == 200

    def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        since: str | None = None,
        timeout: float = 30,
        bookmarks: bool = False,
        selectors: Mapping[str, str] | None = None,
    ) -> Iterator[Json]:
        """Yield watch events of one connection until its time is up, or `hang_up`.

        Args:
            kind: The kind.
            namespace: One namespace; all of them when None.
            since: The resourceVersion to start after; when None, every present object comes first
                as an ADDED event.
            timeout: Seconds after which the connection is closed.
            bookmarks: Ask for an event about once a minute that only tells the version.
            selectors: `labelSelector` and `fieldSelector`.

        Raises:
            ApiError: the server refused, or did not answer.
        """
        query: dict[str, str | int] = {"watch": 1, "timeoutSeconds": max(1, int(timeout))}
        query |= {**(selectors or {}), **({"allowWatchBookmarks": "true"} if bookmarks else {})}
        if since is not None:
            query["resourceVersion"] = since
        silence = min(timeout, _SILENCE) if bookmarks else timeout
        answer = self._send("GET", kind.path(namespace), None, query, "application/json", silence)
        if answer.status >= 400:
            self._checked(answer.status, answer.read())
        self._watching[threading.get_ident()] = answer.response
        deadline = time.monotonic() + timeout
        buffer = b""
        try:
            for block in answer.response.stream(65536, decode_content=True):
                *lines, buffer = (buffer + block).split(b"\n")
                yield from (json.loads(line) for line in lines if line)
                if time.monotonic() > deadline:
                    return
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError):
            return  # a time limit, a cut line, a hang-up: the caller decides whether to go on
        finally:
            self._watching.pop(threading.get_ident(), None)
            answer.response.close()

    def hang_up(self, thread: int | None) -> None:
        """End the watch that another thread is reading, which then ends as at its time limit."""
        response = self._watching.get(thread or 0)
        connection = getattr(response, "connection", None)
        if (sock := getattr(connection, "sock", None)) is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _send(
        self,
        method: str,
        path: str,
        body: object,
        query: Mapping[str, str | int] | None,
        content_type: str,
        timeout: float,
    ) -> Any:
        url = self.server + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "Content-Type": content_type}
        self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        try:
            return self._client.call_api(
                method, url, header_params=headers, body=body, _request_timeout=timeout
            )
        except (client.ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiError(
                f"The API server at {self.server} did not answer: {_cause(error)}.",
                "See whether the cluster runs with `nodebynode status`; start it with "
                "`nodebynode up`.",
            ) from error

    @staticmethod
    def _checked(status: int, text: bytes) -> Json:
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {"message": text.decode(errors="replace")[:300]}
        if status >= 400:
            message = answer.get("message") or f"HTTP {status}"
            causes = (answer.get("details") or {}).get("causes") or []
            more = "; ".join(cause["message"] for cause in causes if "message" in cause)
            raise ApiError(
                f"{message} {more}".strip(), status=status, reason=answer.get("reason", "")
            )
        return dict(answer)


def _cause(error: Exception) -> str:
    """Return the innermost reason of a connection error, which is the readable part."""
    reason = getattr(error, "reason", None) or error
    return str(reason).split(": ", 1)[-1] if "object at 0x" in str(reason) else str(reason)
