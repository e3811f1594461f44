/** The sockets under HTTP/2 sessions, which the sessions do not let go of while bytes are unsent. */
import type { Socket } from "node:net";
import { formatAddress } from "./address.ts";

/** Time in which a session that has ended may still write what it had to say. */
const lastWritesMs = 1_000;

/**
 * Finds the socket of a session by the remote address of both. A session that ends while its other
 * side takes no bytes would otherwise keep socket, file descriptor and all that is unsent.
 */
export class RawSockets {
  readonly #sockets = new Map<string, Socket>();

  /** To be called for each connection before its session is known. */
  add(socket: Socket): void {
    const address = addressOf(socket);
    this.#sockets.set(address, socket);
    socket.once("close", () => {
      if (this.#sockets.get(address) === socket) this.#sockets.delete(address);
    });
  }

  /** To be called when the session from this address is destroyed. */
  sessionEnded(address: string): void {
    const socket = this.#sockets.get(address);
    if (socket) letGo(socket);
  }
}

/** Destroys a socket whose session has ended, after a moment for what is still unsent. */
export function letGo(socket: Socket): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), lastWritesMs);
  socket.once("close", () => clearTimeout(timer));
}

/** `host:port` of the other side. */
export function addressOf(socket: { remoteAddress?: string; remotePort?: number }): string {
  return formatAddress(socket.remoteAddress ?? "", socket.remotePort ?? 0);
}
