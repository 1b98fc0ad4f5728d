from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handspan.engine import Engine
from handspan.engine.setup import Setup
from handspan.otlp import Encoder
from handspan.rules import Rules
from tests.engine.desks import alone, as_it_is
from tests.engine.places import Taking

if TYPE_CHECKING:
    from pathlib import Path


def test_an_engine_works_with_what_it_is_given(tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "source": "s",
        "instance": "i",
        "push_every": 7,
        "translate": alone,
        "scrub": as_it_is,
        "told": print,
        "counted": list,
        "rules": Rules(settle=1),
        "encoder": Encoder(),
        "clock": lambda: 5,
        "queue": 3,
        "spool_bytes": 1,
        "spool_age": 2,
    }
    places = {"place": Taking()}
    made = vars(Engine(tmp_path, places, **given))["_setup"]
    assert made == Setup(folder=tmp_path, destinations=places, **given)
