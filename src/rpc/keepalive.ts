/** HTTP/2 pings that find dead connections. */
import type { Http2Session } from "node:http2";
import type { RpcLimits } from "./limits.ts";

/**
 * Pings every `keepaliveIntervalMs`; a ping not answered within `keepaliveTimeoutMs` destroys the
 * session. Returns the way to stop.
 */
export function keepAlive(
  session: Http2Session,
  limits: Pick<RpcLimits, "keepaliveIntervalMs" | "keepaliveTimeoutMs">,
): () => void {
  if (limits.keepaliveIntervalMs <= 0) return () => {};
  let deadline: ReturnType<typeof setTimeout> | undefined;
  const interval = setInterval(() => {
    if (session.destroyed || deadline !== undefined) return;
    deadline = setTimeout(
      () => session.destroy(new Error("keepalive ping was not answered")),
      limits.keepaliveTimeoutMs,
    );
    session.ping(() => {
      clearTimeout(deadline);
      deadline = undefined;
    });
  }, limits.keepaliveIntervalMs);
  return () => {
    clearInterval(interval);
    clearTimeout(deadline);
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
