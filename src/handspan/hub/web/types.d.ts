// What the API says (Wire…), and what the page makes of it. Times of the page are nanoseconds since the session's start.

interface Who { terminal: string; agent: string; since: string }
interface Waits extends Who { for?: string; for_agent?: string; why: "handoff" | "assign" | "step" | "person" | "message" }
type State = "waiting" | "stuck" | "silent" | "failed" | "running" | "ended";

interface Summary {
  id: string; name: string; kind: string; source: string; instance: string; state: State;
  start: string; end?: string; last_sign: string;
  agents: string[]; terminals: number; open_terminals: number; messages: number;
  waiting: Who[]; stuck: Who[]; sentence: Waits[];
  reason?: string; error?: string; attach?: string; parts: number; demo?: boolean;
}

type Value = string | number | boolean | string[];
type Attributes = Record<string, Value>;
type Kind = "session" | "terminal" | "boot" | "turn" | "waiting" | "delegation" | "send" | "receive" | "other";

interface WireEvent { at: string; name: string; attributes: Attributes }
interface Link { type: string; trace: string; span: string }
interface WireSpan {
  trace: string; id: string; parent?: string; kind: Kind; name: string; terminal?: string; agent?: string;
  start: string; end?: string; open: boolean; outcome?: string; error?: string; inferred?: "start" | "end" | "both";
  continues?: string; part: number; attributes: Attributes; events: WireEvent[]; links: Link[]; dropped?: number;
}
interface WireEnd { terminal?: string; span: string; at: string }
interface WireArrow {
  type: string; message?: string; from: WireEnd; to: WireEnd; mode?: string; delivered: boolean; sent: string; delivered_at?: string;
}
interface WireSession { position: number; session: Summary; spans: WireSpan[]; arrows: WireArrow[] }
interface Change { position: number; sessions: Summary[]; spans: WireSpan[]; gone: string[]; arrows: WireArrow[] }
interface Listing { position: number; sessions: Summary[]; next: string | null }
interface LogRecord { at: string; name?: string; severity?: number; body?: string; span?: string; agent?: string; attributes: Attributes }

/** A span of the picture; `end` is null while it is open. */
interface Span {
  id: string; trace: string; parent: string; kind: Kind; name: string; terminal: string; agent: string;
  start: number; end: number | null; outcome: string; error: string; inferred: string; continues: string; part: number;
  attributes: Attributes; events: WireEvent[]; links: Link[]; dropped: number; wire: WireSpan;
}
interface Anchor { terminal: string; at: number }
type ArrowType = "handoff" | "assign" | "message" | "callback" | "answer";
/** What passes between two lanes; `span` is what a click selects, `causes` the turn it started. */
interface Arrow {
  id: string; type: ArrowType; span: string; causes: string; message: string; from: Anchor; to: Anchor;
  delivered: boolean; sent: number; deliveredAt: number | null;
}

interface Work { delegation: Span[]; lane: Lane | null; start: number }
interface Lane {
  terminal: string; agent: string; colour: number; depth: number; creator: Lane | null;
  pieces: Span[]; boots: Span[]; turns: Span[]; waits: Span[]; sends: Span[];
  /** What it gave to others, and whom it created, in the order in which they began. */
  work: Work[]; start: number; end: number | null;
}
interface Lanes { session: Span[]; work: Work[]; byTerminal: Map<string, Lane>; all: Lane[] }

interface Row {
  id: string; kind: "session" | "lane" | "delegation" | "detail"; depth: number;
  lane: Lane | null; spans: Span[]; state: "leaf" | "folded" | "open" | "detailed"; waiting: boolean;
}

interface Stretch { from: number; to: number }
interface Step extends Stretch { terminal: string; kind: "turn" | "boot" | "waiting" | "queued"; span: string }
