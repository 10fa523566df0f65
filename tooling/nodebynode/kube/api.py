"""A thin door to one cluster's API server: plain JSON in and out, our own errors.

The official client carries the connection (certificates, tokens, exec plugins, proxies). Its typed
models are left aside on purpose: the course shows objects as the API gives them, and raw JSON does
not lose fields that a model does not know yet.
"""

from __future__ import annotations

import copy
import json
import socket
import threading
import time
from collections.abc import Generator, Mapping
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
"""Seconds without a word after which a watch with bookmarks is taken for dead.

The server sends a bookmark a minute (`defaultBookmarkFrequency` in its `storage/cacher`), so that a
live watch is never silent for so long. TCP keepalive would not do instead: the kernel of a server
that is frozen, or a proxy before one, still answers it.
"""
_CONNECT = 10.0
"""Seconds for a connection and its TLS handshake, where the answer may take longer."""
_JSON = "application/json"
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
        self._line: _Line | None = None
        self.server: str = settings.host

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str | int] | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
        timeout: float = 10,
    ) -> Json:
        """Send one request and return the JSON answer.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: The path below the server's address, e.g. `/api/v1/nodes`.
            body: Sent as JSON.
            query: Query parameters.
            content_type: Of the body; matters for patches.
            accept: The form of the answer, where there are several.
            timeout: Seconds for the whole request.

        Raises:
            ApiError: the server refused, or did not answer in time (status 0).
        """
        forms = {"Accept": accept, "Content-Type": content_type}
        answer = self._send(method, path, body, query, forms, timeout)
        try:
            text = answer.read()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._no_answer(error) from error
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
            answer = self._send("GET", "/readyz", None, None, {}, 2)
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
    ) -> Generator[Json, None, None]:
        """Open a watch; yield its events until its time is up or the connection breaks.

        The watch is open when this returns: a refusal is raised here, and not by the first event.

        Args:
            kind: The kind.
            namespace: One namespace; all of them when None.
            since: The resourceVersion to start after; when None, every present object comes first
                as an ADDED event.
            timeout: Seconds after which the connection is closed.
            bookmarks: Ask for an event about once a minute that only tells the version. A watch
                that then says nothing for long is an error, and no end.
            selectors: `labelSelector` and `fieldSelector`.

        Raises:
            ApiError: the server refused, did not answer, or fell silent.
            ValueError: from the iterator: a line is no JSON.
        """
        query: dict[str, str | int] = {"watch": 1, "timeoutSeconds": max(1, int(timeout))}
        query |= {**(selectors or {}), **({"allowWatchBookmarks": "true"} if bookmarks else {})}
        if since is not None:
            query["resourceVersion"] = since
        silence = min(timeout, _SILENCE) if bookmarks else timeout
        limits = (min(silence, _CONNECT), silence)
        answer = self._send("GET", kind.path(namespace), None, query, {}, limits)
        if answer.status >= 400:
            self._checked(answer.status, answer.read())
        return self._events(answer.response, time.monotonic() + timeout, bookmarks)

    def _events(
        self, response: Any, deadline: float, must_speak: bool
    ) -> Generator[Json, None, None]:
        buffer = b""
        try:
            for block in response.stream(65536, decode_content=True):  # each chunk as it comes
                *lines, buffer = (buffer + block).split(b"\n")
                for line in lines:
                    if line:
                        yield json.loads(line)
                if time.monotonic() > deadline:
                    return
        except urllib3.exceptions.ReadTimeoutError as error:
            if must_speak:
                raise ApiError(f"The API server at {self.server} fell silent.") from error
        except (urllib3.exceptions.HTTPError, OSError):
            return  # a cut line, a hang-up: the caller decides whether to go on
        finally:
            response.close()

    def apart(self) -> Api:
        """Return a door to the same server for one thread alone, which another may `hang_up`."""
        other = copy.copy(self)
        other._client = client.ApiClient(self._client.configuration)
        other._line = _Line(other._client.rest_client.pool_manager)
        return other

    def hang_up(self) -> None:
        """End what a thread does with a door of `apart`, now and for good: it meets an error."""
        if self._line is not None:
            self._line.cut()
            self._client.rest_client.pool_manager.clear()

    def _send(
        self,
        method: str,
        path: str,
        body: object,
        query: Mapping[str, str | int] | None,
        forms: Mapping[str, str],
        timeout: float | tuple[float, float],
    ) -> Any:
        url = self.server + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": _JSON, "Content-Type": _JSON, **forms}
        self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        try:
            return self._client.call_api(
                method, url, header_params=headers, body=body, _request_timeout=timeout
            )
        except (client.ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._no_answer(error) from error

    def _no_answer(self, error: Exception) -> ApiError:
        return ApiError(
            f"The API server at {self.server} did not answer: {_cause(error)}.",
            "See whether the cluster runs with `nodebynode status`; start it with `nodebynode up`.",
        )

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


class _Line:
    """The connection of one thread, kept so that another thread can cut it.

    Closing a socket does not wake who waits in it; shutting it down does, be it in a TLS handshake,
    before an answer or amid one. TLS takes the socket away from whoever made it, and an answer may
    take it away from its connection: hence a duplicate. One thread has one connection at a time.
    """

    def __init__(self, manager: urllib3.PoolManager) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_cut = False
        manager.pool_classes_by_scheme = {
            scheme: self._told_of(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def cut(self) -> None:
        """Cut the connection, and let there be no other."""
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
            self._replace(None)

    def _keep(self, made: socket.socket) -> socket.socket:
        with self._lock:
            if self._is_cut:
                made.close()
                raise ConnectionAbortedError("hung up")
            self._replace(made.dup())
        return made

    def _replace(self, new: socket.socket | None) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = new

    def _told_of(self, pool: Any) -> Any:
        """Return a class of connection pools whose new connections this line is told of."""
        plain = pool.ConnectionCls

        def new_conn(connection: Any) -> socket.socket:
            return self._keep(plain._new_conn(connection))

        told = type(plain.__name__, (plain,), {"_new_conn": new_conn})
        return type(pool.__name__, (pool,), {"ConnectionCls": told})


def _cause(error: Exception) -> str:
    """Return the innermost reason of a connection error, which is the readable part."""
    reason = getattr(error, "reason", None) or error
    return str(reason).split(": ", 1)[-1] if "object at 0x" in str(reason) else str(reason)
