// The picture as it was at a moment: what had not begun is not there, what had not ended is open.

/**
 * @param {{spans: Map<string, Span>, arrows: Arrow[]}} told @param {number} moment
 * @returns {{spans: Map<string, Span>, arrows: Arrow[]}}
 */
export function asOf({ spans, arrows }, moment) {
  /** @type {Map<string, Span>} */
  const then = new Map();
  for (const [id, span] of spans) if (span.start <= moment) then.set(id, spanAt(span, moment));
  return { spans: then, arrows: arrows.filter(({ sent }) => sent <= moment).map((arrow) => arrowAt(arrow, moment)) };
}

/** @param {Span} span @param {number} moment @returns {Span} */
function spanAt(span, moment) {
  if (span.end === null || span.end <= moment) return span;
  return { ...span, end: null, outcome: "", error: "", inferred: span.inferred === "end" ? "" : span.inferred };
}

/** @param {Arrow} arrow @param {number} moment @returns {Arrow} */
function arrowAt(arrow, moment) {
  if (!arrow.delivered || (arrow.deliveredAt ?? arrow.to.at) <= moment) return arrow;
  return { ...arrow, delivered: false, deliveredAt: null, causes: "", to: { ...arrow.to, at: arrow.sent } };
}
