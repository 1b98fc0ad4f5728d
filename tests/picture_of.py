"""Signals as a few lines that a test can hold whole: the tree of spans, the log events, the counts.

Times are seconds since the stories' beginning. A span of 1 µs shows its start only; a turn shows its number and what
started it; `->` is a link, `*` a span event. Every span and log event is called by its name, with the turn's number or
the message's id behind it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from handspan import names
from handspan.signals import Count, Log, Span
from handspan.testing import BEGIN, SECOND, Story, logs, spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from handspan.signals import Attributes, Link, Signal, Value

MARKERS = (names.SESSION_MARKER, names.TERMINAL_MARKER)


def seconds(at: int) -> str:
    return f"{(at - BEGIN) / 1_000_000_000:.9f}".rstrip("0").rstrip(".")


def called(name: str, attributes: Attributes) -> str:
    """What a span is called: its name, and what tells it from others of that name."""
    if name.startswith("invoke_agent"):
        return f"{name} #{attributes[names.TURN_NUMBER]}"
    if name.startswith(("send ", "receive ")):
        return f"{name} {attributes[names.MESSAGE_ID]}"
    return name


def tree(signals: Iterable[Signal], *, without: Sequence[str] = (*MARKERS, "boot", "receive")) -> list[str]:
    """The spans, each under its parent. Those whose name begins with a word of `without` are left out."""
    found = spans(signals)
    words = {(s.trace_id, s.span_id): called(s.name, s.attributes) for s in found}
    parts = {s.trace_id: f" (part {s.attributes[names.PART]})" for s in found if s.name.startswith("session")}
    under: dict[tuple[str, str | None], list[Span]] = {}
    for span in sorted(found, key=lambda s: (s.start, called(s.name, s.attributes))):
        under.setdefault((span.trace_id, span.parent_span_id), []).append(span)

    def draw(span: Span, depth: int) -> list[str]:
        if any(word == span.name or span.name.startswith(f"{word} ") for word in without):
            return []
        indent = "  " * depth
        lines = [f"{indent}{_line(span)}"]
        lines += [f"{indent}  -> {_link(link, span, words, parts)}" for link in span.links]
        lines += [
            f"{indent}  * {event.name} {event.attributes[names.MESSAGE_ID]} {seconds(event.at)}"
            for event in span.events
        ]
        for child in under.pop((span.trace_id, span.span_id), []):
            lines += draw(child, depth + 1)
        return lines

    roots = [span for (_, parent), children in list(under.items()) if parent is None for span in children]
    lines = [line for root in roots for line in draw(root, 0)]
    known = {span.span_id for span in found}
    orphans = [
        s for (_, parent), children in under.items() if parent is not None and parent not in known for s in children
    ]
    return lines + [f"ORPHAN {_line(span)}" for span in orphans]


def _line(span: Span) -> str:
    end = "" if span.end - span.start == 1_000 else f"-{seconds(span.end)}"
    says = [called(span.name, span.attributes), f"{seconds(span.start)}{end}"]
    keys = (names.TURN_TRIGGER, names.TURN_OUTCOME, names.DELEGATION_OUTCOME, names.END_REASON)
    said = dict.fromkeys(str(span.attributes[key]) for key in keys if key in span.attributes)
    says += said
    if span.name.startswith("send ") and span.attributes[names.MESSAGE_MODE] != "send_message":
        says.append(str(span.attributes[names.MESSAGE_MODE]))
    if names.INFERRED in span.attributes:
        says.append(f"inferred={_text(span.attributes[names.INFERRED])}")
    if span.error:
        says.append(f"ERROR={span.attributes[names.ERROR_TYPE]}")
    if span.dropped_events or span.dropped_links:
        says.append(f"dropped={span.dropped_events} events, {span.dropped_links} links")
    return " ".join(says)


def _link(link: Link, span: Span, words: Mapping[tuple[str, str], str], parts: Mapping[str, str]) -> str:
    where = parts.get(link.trace_id, "") if link.trace_id != span.trace_id else ""
    return f"{link.type} {words.get((link.trace_id, link.span_id), link.span_id)}{where}"


def _text(value: Value) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def logs_of(signals: Iterable[Signal], *kinds: str) -> list[str]:
    """The log events of these kinds (`turn`, `message_sent`, ...) in the order in which they left."""
    kept = list(signals)
    words = {s.span_id: called(s.name, s.attributes) for s in spans(kept)}
    for log in logs(kept):
        if names.SPAN_NAME in log.attributes and log.span_id:
            words.setdefault(log.span_id, called(str(log.attributes[names.SPAN_NAME]), log.attributes))
        elif names.MESSAGE_ID in log.attributes and log.span_id:
            receiver = log.attributes[names.RECEIVER_AGENT]
            words.setdefault(log.span_id, f"send {receiver} {log.attributes[names.MESSAGE_ID]}")
    lines: list[str] = []
    for log in logs(kept):
        short = log.name.removeprefix("handspan.")
        if short.split(".")[0] not in kinds:
            continue
        says = [seconds(log.at), short, words.get(log.span_id or "", log.span_id or "nowhere")]
        if names.PARENT_SPAN_ID in log.attributes:
            parent = str(log.attributes[names.PARENT_SPAN_ID])
            says.append(f"under {words.get(parent, parent)}")
        says += [f"because of {words[cause]}" for cause in _tuple(log.attributes.get(names.CAUSE_SPAN_ID, ()))]
        if names.TURN_SPAN_ID in log.attributes:
            says.append(f"in {words[str(log.attributes[names.TURN_SPAN_ID])]}")
        if short == "status_changed":
            says.append(f"{log.attributes[names.PREVIOUS_STATUS]} > {log.attributes[names.STATUS]}")
        says += [str(log.attributes[key]) for key in (names.OUTCOME, names.NOTICE_NAME) if key in log.attributes]
        if log.attributes.get(names.CONTINUES):
            says.append(f"continues {words[str(log.attributes[names.CONTINUES])]}")
        if names.REVISION in log.attributes:
            says.append(f"({log.attributes[names.REVISION]})")
        lines.append(" ".join(says))
    return lines


def _tuple(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def span_of(signals: Iterable[Signal], name: str) -> Span:
    """The one span that is called so."""
    (found,) = [s for s in spans(signals) if called(s.name, s.attributes) == name]
    return found


def facts(signals: Iterable[Signal], name: str, *wanted: str) -> dict[str, Value]:
    """Attributes of the one span that is called `name`: the wanted ones, by the last word of their name."""
    attributes = span_of(signals, name).attributes
    return {key.rpartition(".")[2]: attributes[key] for key in wanted if key in attributes}


def counted(signals: Iterable[Signal], metric: str) -> dict[str, int | float]:
    """What a counter stands at, by its labels (the source left out)."""
    total: Counter[str] = Counter()
    for signal in signals:
        if isinstance(signal, Count) and signal.name == metric:
            labels = [value for label, value in signal.labels.items() if label != "source"]
            total[" ".join(labels)] += signal.value  # type: ignore[assignment]
    return dict(total)


def spans_and_logs(signals: Iterable[Signal]) -> list[Span | Log]:
    """All that carries attributes."""
    return [s for s in signals if isinstance(s, Span | Log)]


# --- stories to begin with -------------------------------------------------------------------------------------------


def moment(at: float) -> int:
    """The time of `at` seconds after stories begin."""
    return BEGIN + round(at * SECOND)


def supervised(session: str = "s") -> Story:
    """A session whose supervisor `sup` is ready at once, and works from second 5 on."""
    return Story(session).at(0).session().terminal("sup").status("sup", "ready").at(5).status("sup", "working")


def booted(story: Story, at: float, terminal: str, **fields: Any) -> Story:
    """A terminal that is there at `at` and ready two seconds later."""
    return story.at(at).terminal(terminal, **fields).at(at + 2).status(terminal, "ready")


def passed(story: Story, at: float) -> Story:
    """Time has come to `at`: what follows is told then, whenever it happened."""
    return story.at(at).notice("time passes")
