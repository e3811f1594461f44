/** HTTP/2 pings that find dead connections. */
import type { RpcLimits } from "./limits.ts";

/** A connection, as far as pings go. */
export interface Pinged {
  readonly destroyed: boolean;
  /** `answered` is called when the other side has answered. */
  ping(answered: () => void): void;
  destroy(error: Error): void;
}

/**
 * Beyond the interval: Go servers count a ping that comes a moment before their minimum as abuse
 * and close the connection after the third (ENHANCE_YOUR_CALM, "too_many_pings").
 */
const marginMs = 20;

/**
 * Pings `keepaliveIntervalMs` after the connection was made and after each answer, so that no two
 * pings reach the other side within that interval; a ping not answered within `keepaliveTimeoutMs`
 * destroys the session. Returns the way to stop.
 */
export function keepAlive(
  session: Pinged,
  limits: Pick<RpcLimits, "keepaliveIntervalMs" | "keepaliveTimeoutMs">,
): () => void {
  if (limits.keepaliveIntervalMs <= 0) return () => {};
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const pause = () => {
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(ping, limits.keepaliveIntervalMs + marginMs);
  };
  const ping = () => {
    if (session.destroyed) return;
    timer = setTimeout(
      () => session.destroy(new Error("keepalive ping was not answered")),
      limits.keepaliveTimeoutMs,
    );
    session.ping(pause);
  };
  pause();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** Pings once, now; a connection that does not answer within `timeoutMs` is destroyed. */
export function probe(connection: Pinged, timeoutMs: number): void {
  if (connection.destroyed) return;
  const deadline = setTimeout(
    () => connection.destroy(new Error("ping was not answered")),
    timeoutMs,
  );
  connection.ping(() => clearTimeout(deadline));
}
