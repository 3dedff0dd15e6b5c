import { duration } from "../../../lib/duration";

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (part: number): string => String(part).padStart(2, "0");

/** Milliseconds since 1970 of an ISO 8601 time. */
export const instant = (time: string): number => Date.parse(time);

/** Whole seconds between two times, never below 0. @param from, to in milliseconds since 1970 */
export const secondsBetween = (from: number, to: number): number => Math.max(0, Math.floor((to - from) / 1000));

/** How long ago a time is, as in `2 h 05 min`. @param now in milliseconds since 1970 */
export const age = (time: string, now: number): string => duration(secondsBetween(instant(time), now));

/** A count-down, as in `4:05`, `1:04:05` or `2 d 04 h`. @param seconds whole ones, 0 or more */
export function countdown(seconds: number): string {
  if (seconds >= 86_400) return duration(seconds);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** A time in UTC, as in `27 Nov 10:13`. */
export function shortTime(time: string): string {
  const date = new Date(time);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

/** A time of day in UTC, as in `10:13:05`. */
export function timeOfDay(time: string): string {
  const date = new Date(time);
  return [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
}

/** Seconds from an API, which may have decimals, as people read them; `–` for none. */
export const durationOrDash = (seconds: number | null): string =>
  seconds === null ? "–" : duration(Math.round(seconds));
