# What CAO promises to its plugins, as far as ours relies on it. CAO itself is in no lock of this repository.
from collections.abc import Callable
from typing import TypeVar

_Method = TypeVar("_Method", bound=Callable[..., object])

class CaoPlugin:
    async def setup(self) -> None: ...
    async def teardown(self) -> None: ...

def hook(event_type: str) -> Callable[[_Method], _Method]: ...
