"""One request's worth of records goes to one destination: what is taken, what is poison, what has to wait.

    done       taken
    retry      everything from here on waits
    too large  halved; a record that is too large alone is rejected
    refused    halved. A single record that is refused is poison once another was taken after it: then it is rejected,
               and never blocks the next. While nothing is taken, the destination refuses (a wrong path, a wrong token,
               no OTLP at all): everything waits, and nothing is thrown away.

Records go in their order, so that what is settled is always the first so many of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handspan.senders import Done, Refused, Retry, TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handspan.otlp import Record
    from handspan.senders import Answer

    Send = Callable[[Sequence[Record]], Answer]

# So many refusals in a row, and the destination may be refusing. Enough to walk down to a single one of 2,000 records
# (11), and up again.
PATIENCE = 24
# Then so many records are tried alone, from all over the batch: one that is taken shows that it is the others' fault.
_PROBES = 4


@dataclass(slots=True)
class Delivery:
    """What became of a batch: the first `settled` records are taken, or rejected; the rest waits, if there is `why`."""

    settled: int = 0
    taken: int = 0
    # Rejected by number in a partial success: which ones, the destination does not say.
    refused_in_part: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    why: str | None = None
    refusing: bool = False
    after: float | None = None


def deliver(send: Send, records: Sequence[Record], round_: int = 0) -> Delivery:
    """Send records until all are settled or the destination wants to be left alone. `round_` counts the attempts in
    which it refused, so that each probes other records."""
    return _Attempt(send, records, round_).run()


class _Attempt:
    def __init__(self, send: Send, records: Sequence[Record], round_: int) -> None:
        self._send = send
        self._records = records
        self._round = round_
        self._result = Delivery()
        self._ahead = [(0, len(records))] if records else []
        # Single records that were refused, since when nothing has been taken.
        self._suspects: list[tuple[int, str]] = []
        self._refusals = 0

    def run(self) -> Delivery:
        while self._ahead:
            begin, end = self._ahead.pop()
            answer = self._send(self._records[begin:end])
            if not isinstance(answer, Done) and answer.done:
                begin = self._through(begin, end, answer.done)
            match answer:
                case Done():
                    self._done(end - begin, answer.rejected)
                case TooLarge():
                    self._too_large(begin, end, answer.why)
                case Refused():
                    self._refused(begin, end, answer.why)
                    if self._refusals > PATIENCE and not self._probe():
                        return self._wait(answer.why, refusing=True)
                case Retry():
                    return self._wait(answer.why, answer.after)
        return self._wait(self._suspects[-1][1], refusing=True) if self._suspects else self._result

    def _through(self, begin: int, end: int, done: int) -> int:
        """Of a range the first `done` are through; where the rest begins."""
        self._ahead.append((begin + done, end))
        self._done(done, 0)
        self._ahead.pop()
        return begin + done

    def _done(self, records: int, refused_in_part: int) -> None:
        self._result.taken += records - refused_in_part
        self._result.refused_in_part += refused_in_part
        self._convict()

    def _convict(self) -> None:
        """Something was taken after the suspects were refused: it is they who are to blame."""
        self._result.rejected += self._suspects
        self._suspects.clear()
        self._refusals = 0
        self._settle()

    def _settle(self) -> None:
        if not self._suspects:
            self._result.settled = self._ahead[-1][0] if self._ahead else len(self._records)

    def _too_large(self, begin: int, end: int, why: str) -> None:
        if end - begin > 1:
            self._halve(begin, end)
        else:
            self._result.rejected.append((begin, why))
            self._settle()

    def _refused(self, begin: int, end: int, why: str) -> None:
        self._refusals += 1
        if end - begin > 1:
            self._halve(begin, end)
        else:
            self._suspects.append((begin, why))

    def _halve(self, begin: int, end: int) -> None:
        middle = (begin + end) // 2
        self._ahead += [(middle, end), (begin, middle)]

    def _probe(self) -> bool:
        """Try single records from all over the batch. One that is taken is sent again in its turn: the same bytes."""
        for n in range(self._round * _PROBES, (self._round + 1) * _PROBES):
            # Steps of the golden section come near every record, and to none twice before that.
            at = int((n + 1) * 0.618_033_988_749_895 % 1 * len(self._records))
            if isinstance(self._send(self._records[at : at + 1]), Done):
                self._convict()
                return True
        return False

    def _wait(self, why: str, after: float | None = None, *, refusing: bool = False) -> Delivery:
        result = self._result
        # What stands behind a suspect is sent again, and rejected again.
        result.rejected = [(at, reason) for at, reason in result.rejected if at < result.settled]
        result.why, result.after, result.refusing = why, after, refusing
        return result
