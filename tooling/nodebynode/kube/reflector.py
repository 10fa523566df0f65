"""stand-in until the reflector is here"""
from __future__ import annotations
import json, threading, time, random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from nodebynode.errors import ApiError
from nodebynode.kube.api import Api, Json
from nodebynode.kube.kinds import Kind

class ChangeType(StrEnum):
    ADDED="ADDED"; MODIFIED="MODIFIED"; DELETED="DELETED"

@dataclass(frozen=True, slots=True)
class Change:
    kind: Kind; type: ChangeType; object: Json; at: float; synthesised: bool = False

class Reflector:
    def __init__(self, api: Api, kind: Kind, listener: Callable[[Change], None]) -> None:
        self.api, self.kind, self.listener = api, kind, listener
        self._stop = threading.Event()
        self._store: dict[tuple[str,str], Json] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
    def start(self) -> None: self._thread.start()
    def stop(self) -> None: self._stop.set()
    def __enter__(self): self.start(); return self
    def __exit__(self, *_): self.stop()
    def _tell(self, t, o):
        self.listener(Change(self.kind, ChangeType(t), o, time.time()))
    def _key(self, o): return (o["metadata"].get("namespace",""), o["metadata"]["name"])
    def _run(self):
        while not self._stop.is_set():
            try:
                got = self.api.request("GET", self.kind.path())
                new = {self._key(o): o for o in got["items"]}
                for k in set(self._store)-set(new): self._tell("DELETED", self._store[k])
                for k,o in new.items(): self._tell("MODIFIED" if k in self._store else "ADDED", o)
                self._store = new
                rv = got["metadata"]["resourceVersion"]
                while not self._stop.is_set():
                    for e in self.api.watch(self.kind, since=rv, timeout=300):
                        if e["type"]=="ERROR": raise ApiError("x")
                        o=e["object"]; rv=o["metadata"]["resourceVersion"]
                        if e["type"]=="BOOKMARK": continue
                        if e["type"]=="DELETED": self._store.pop(self._key(o),None)
                        else: self._store[self._key(o)]=o
                        self._tell(e["type"], o)
            except ApiError:
                time.sleep(0.1)
