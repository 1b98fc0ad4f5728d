"""What the page sees: an index that follows the record, and until anything real has come, a demo in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handspan.hub import api
from handspan.hub.demo_feed import Demo, Shown
from handspan.hub.index import Index
from handspan.hub.indexer import Indexer
from handspan.hub.live import Feed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fastapi import APIRouter

    from handspan.hub.record import Record

# The demo sleeps until its next event; the indexer may be at work on a group.
_STOP = 0.3


class Showing:
    """`path` is the index's file. It may be deleted: what the record holds is indexed again."""

    def __init__(self, record: Record, path: Path, *, demo: bool) -> None:
        self._index = Index(path)
        self._demo = Demo(self._told) if demo else None
        shown: Callable[[], Index] = Shown(self._index, self._demo) if self._demo else lambda: self._index
        self._feed = Feed(shown)
        self._indexer = Indexer(record, self._index, self._feed.told)
        self.router: APIRouter = api.router(shown, self._feed)

    def start(self) -> None:
        self._indexer.start()
        if self._demo:
            self._demo.start()

    def stop(self) -> None:
        """What is not indexed yet is, after the next start."""
        if self._demo:
            self._demo.end()
        if self._indexer.is_alive():
            self._indexer.stop(_STOP)
        if not self._indexer.is_alive():
            self._index.close()

    def _told(self, position: int) -> None:
        self._feed.told(position)
