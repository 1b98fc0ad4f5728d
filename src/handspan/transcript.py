"""All signals as readable text: what tests compare, and what `handspan show --signals` prints.

Times are seconds from the first of them. What every span and log event of a session says alike stands once, at the top;
a span that lacks it says so. Ids are derived, so they are the same in every run.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from handspan import names
from handspan.signals import Count, Log, Observation, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handspan.signals import Attributes, Resource, Signal, Value

_EVERYWHERE = (names.SESSION_ID, names.CONVERSATION_ID, names.SESSION_NAME)
# They stand elsewhere on a log event's line.
_SHOWN = frozenset({names.EVENT_NAME, names.LOG_UID, names.SPAN_NAME, names.SPAN_START})
_SEVERITY = {names.DEBUG: "DEBUG", names.INFO: "INFO", names.ACTION: "ACTION", names.WARN: "WARN", names.ERROR: "ERROR"}


def describe(signals: Iterable[Signal]) -> str:
    """Everything these signals say: the tree of each trace, then log events, then what was counted."""
    kept = list(signals)
    spans = [s for s in kept if isinstance(s, Span)]
    logs = [s for s in kept if isinstance(s, Log)]
    begin = min([s.start for s in spans] + [s.at for s in logs], default=0)
    lines: list[str] = []
    traces: dict[str, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda s: (s.start, -s.end, s.name, s.span_id)):
        traces[span.trace_id].append(span)
    for trace_id, members in traces.items():
        lines += [f"TRACE {trace_id}", *_everywhere(members), *_tree(members, begin), ""]
    if logs:
        about = {span.span_id: span for span in spans}
        lines += ["LOG EVENTS", *(_log(log, begin, about.get(log.span_id or "")) for log in logs), ""]
    lines += _counted(kept)
    return "\n".join(lines).rstrip() + "\n"


def _everywhere(members: list[Span]) -> list[str]:
    common = _common(members[0].attributes)
    return [f"  everywhere: {_attributes(common)}"]


def _common(attributes: Attributes) -> dict[str, Value]:
    return {name: attributes[name] for name in _EVERYWHERE if name in attributes}


def _tree(members: list[Span], begin: int) -> list[str]:
    ids = {span.span_id for span in members}
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in members:
        children[span.parent_span_id if span.parent_span_id in ids else None].append(span)
    named = {span.span_id: span.name for span in members}
    common = _common(members[0].attributes)
    lines: list[str] = []
    # A stack of its own: agents may create each other deeper than Python calls itself.
    waiting = [(span, 0) for span in reversed(children[None])]
    while waiting:
        span, depth = waiting.pop()
        if depth == 0 and span.parent_span_id is not None:
            lines.append(f"  (parent {span.parent_span_id} is not here)")
        lines += _span(span, depth, begin, named, common)
        waiting += [(child, depth + 1) for child in reversed(children[span.span_id])]
    return lines


def _span(span: Span, depth: int, begin: int, named: dict[str, str], common: dict[str, Value]) -> list[str]:
    indent = "  " * depth
    kind = "" if span.kind == "internal" else f" {span.kind.upper()}"
    error = " ERROR" if span.error else ""
    head = f"{_at(span.start, begin)} {_length(span.end - span.start)}  {indent}{span.name}{kind}{error}"
    lines = [f"{head}  [{span.span_id}] {_who(span.resource)}"]
    margin = " " * 22 + indent
    own = {name: value for name, value in span.attributes.items() if common.get(name) != value}
    lacking = [name for name in common if name not in span.attributes]
    if own:
        lines.append(f"{margin}{_attributes(own)}")
    if lacking:
        lines.append(f"{margin}LACKS {', '.join(lacking)}")
    for link in span.links:
        target = named.get(link.span_id)
        where = f"{target} [{link.span_id}]" if target else f"{link.trace_id} [{link.span_id}]"
        lines.append(f"{margin}link {link.type} -> {where}")
    for event in span.events:
        said = {name: value for name, value in event.attributes.items() if common.get(name) != value}
        lines.append(f"{margin}event {_at(event.at, begin).strip()} {event.name} {_attributes(said)}")
    if span.dropped_events or span.dropped_links:
        lines.append(f"{margin}dropped {span.dropped_events} events, {span.dropped_links} links")
    return lines


def _log(log: Log, begin: int, span: Span | None) -> str:
    """One log event. What its span says alike is not said again; what an opening did not know yet, the span knows."""
    known: Attributes = span.attributes if span else {}
    said = {k: v for k, v in log.attributes.items() if k not in _SHOWN and k not in _EVERYWHERE and known.get(k) != v}
    opened = log.attributes.get(names.SPAN_NAME) or (span.name if span else "")
    where = f"{opened} [{log.span_id}]" if log.span_id else "(no session)"
    severity = "" if log.severity == names.INFO else f" {_SEVERITY[log.severity]}"
    line = f"{_at(log.at, begin)}  {log.name.removeprefix('handspan.')}{severity}  {where}"
    if span is None or span.resource != log.resource:
        line += f"  {_who(log.resource)}"
    if log.name.endswith(".started"):
        later = [
            name
            for name in known
            if name not in log.attributes and name not in names.OF_THE_END and name not in _TOTALS
        ]
        line += f"  not yet: {', '.join(later)}" if later else ""
    return f"{line}  {_attributes(said)}".rstrip()


_TOTALS = frozenset(name for name in names.ATTRIBUTES if name.startswith(("handspan.session.", "handspan.terminal.")))


def _counted(signals: list[Signal]) -> list[str]:
    counts: dict[str, float] = defaultdict(float)
    values: dict[str, list[float]] = defaultdict(list)
    for signal in signals:
        if isinstance(signal, Count):
            counts[_labelled(signal)] += signal.value
        elif isinstance(signal, Observation):
            values[_labelled(signal)].append(signal.value)
    lines = [f"  {name}  {total:g}" for name, total in sorted(counts.items())]
    lines += [f"  {name}  {' '.join(f'{v:.3f}' for v in sorted(seen))}" for name, seen in sorted(values.items())]
    return ["COUNTS", *lines] if lines else []


def _labelled(signal: Count | Observation) -> str:
    return f"{signal.name}{{{', '.join(f'{k}={v}' for k, v in signal.labels.items())}}}"


def _at(at: int, begin: int) -> str:
    return f"{(at - begin) / 1e9:+10.3f}"


def _length(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e9:9.3f}s" if nanoseconds > 1_000 else "      1 µs"


def _who(resource: Resource) -> str:
    return f"@{resource.service}/{resource.terminal}" if resource.terminal else f"@{resource.service}"


def _attributes(attributes: Attributes) -> str:
    return " ".join(f"{name}={_value(value)}" for name, value in attributes.items())


def _value(value: Value) -> str:
    if isinstance(value, str):
        return repr(value) if not value or any(c.isspace() or not c.isprintable() for c in value) else value
    if isinstance(value, tuple):
        return f"({', '.join(value)})"
    return f"{value:g}" if isinstance(value, float) else str(value)
