// Nanoseconds since 1970 don't fit into a number, those since a session's start do: exactly, for 104 days.

export const MS = 1e6;
export const SECOND = 1e9;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** @param {string} nanoseconds @param {bigint} base */
export const since = (nanoseconds, base) => Number(BigInt(nanoseconds) - base);

/** @param {number} offset @param {bigint} base milliseconds since 1970, as Date has them */
export const millis = (offset, base) => Number(base / 1_000_000n) + offset / MS;

/** @param {bigint} base */
export const nowSince = (base) => (Date.now() - Number(base / 1_000_000n)) * MS;
