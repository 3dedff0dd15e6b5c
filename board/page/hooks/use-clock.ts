import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";

/** Milliseconds by which the server's clock is ahead of the browser's. */
export const ClockOffset = createContext(0);

/** The server's time in milliseconds since 1970. Whoever asks for it is drawn again every second. */
export function useNow(): number {
  const offset = useContext(ClockOffset);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now + offset;
}
