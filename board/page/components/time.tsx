import { useNow } from "../hooks/use-clock";
import { age, shortTime } from "../state/time";

/** A time in UTC, as in `27 Nov 10:13`. */
export const Time = ({ at }: { readonly at: string }) => (
  <time class="time" dateTime={at} title={at}>
    {shortTime(at)}
  </time>
);

/** How long ago a time is. */
export const Age = ({ since }: { readonly since: string }) => (
  <time class="time" dateTime={since} title={since}>
    {age(since, useNow())}
  </time>
);
