/** Works around a crash of the runtime when a connection ends in the middle of reading from it. */
import type { Http2Session } from "node:http2";

/**
 * Makes `session.destroy` act after the current turn of the event loop. The library destroys a
 * session from inside the native callback that reports the peer's GOAWAY; under Deno 2.9 that frees
 * what the callback's caller still uses, and the whole process aborts (an assertion in nghttp2, or a
 * segmentation fault): any client could take the peer down by hanging up at the wrong moment.
 *
 * @param destroying told at once, before streams learn of it
 */
export function deferDestroy(
  session: Http2Session,
  destroying: (error: Error | undefined) => void = () => {},
): void {
  const destroy = session.destroy.bind(session);
  session.destroy = (error?: Error, code?: number) => {
    destroying(error);
    setImmediate(() => destroy(error, code));
  };
}
