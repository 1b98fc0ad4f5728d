"""The words by which a span is found. Made from its row alone, so that they can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from handspan import names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# What nobody searches for by its words: they are a session's or another span's.
_WORDLESS: Final = {names.SESSION, names.SESSION_MARKER, names.TERMINAL_MARKER, names.RECEIVE, names.BOOT}
# Names of values that are no words: what is a session's, digests, and what is the same everywhere.
_NO_WORDS: Final = {
    *{names.SESSION_ID, names.SESSION_NAME, names.CONVERSATION_ID, names.MESSAGE_DIGEST, names.MESSAGING_SYSTEM},
    *{names.OPERATION, names.MESSAGING_OPERATION, names.DESTINATION},
}
# Of a stranger's span with a whole prompt in it, as much as two of our longest attributes.
_MOST: Final = 2_048


def words_of(kind: str, name: str, said: Mapping[str, Any], service: str | None, *, ours: bool) -> str:
    """Words, one value a line; empty for a span that is not looked for."""
    if kind in _WORDLESS:
        return ""
    values = [value for about, value in said.items() if isinstance(value, str) and about not in _NO_WORDS]
    if not ours and service:
        values.append(service)
    return "\n".join(dict.fromkeys([name, *values]))[:_MOST]
