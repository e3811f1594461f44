/** HTTP/2 pings that find dead connections. */
import type { Http2Session } from "node:http2";
import type { RpcLimits } from "./limits.ts";

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
  session: Http2Session,
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

/** Pings once, now; a session that does not answer within `timeoutMs` is destroyed. */
export function probe(session: Http2Session, timeoutMs: number): void {
  if (session.destroyed) return;
  const deadline = setTimeout(
    () => session.destroy(new Error("ping was not answered")),
    timeoutMs,
  );
  const over = () => {
    clearTimeout(deadline);
    session.off("close", over);
  };
  session.once("close", over);
  session.ping(over);
}
