/** TCP connections on their way through the TLS handshake; the library cuts none of them by itself. */
import type { Socket } from "node:net";
import { remoteAddressOf } from "./address.ts";

export class ArrivingSockets {
  /** By the remote address, which the socket has in common with the TLS socket that comes of it. */
  readonly #cuts = new Map<string, { readonly socket: Socket; arrived(): void }>();

  constructor(readonly handshakeTimeoutMs: number) {}

  /** To be called for each TCP connection: it is cut when its handshake takes too long. */
  add(socket: Socket): void {
    const address = remoteAddressOf(socket);
    const timer = setTimeout(() => socket.destroy(), this.handshakeTimeoutMs);
    const arrived = () => {
      clearTimeout(timer);
      socket.off("close", arrived);
      if (this.#cuts.get(address)?.socket === socket) this.#cuts.delete(address);
    };
    this.#cuts.set(address, { socket, arrived });
    socket.once("close", arrived);
  }

  /** The handshake of the connection from there is through. */
  arrived(address: string): void {
    this.#cuts.get(address)?.arrived();
  }

  destroy(): void {
    for (const { socket } of [...this.#cuts.values()]) socket.destroy();
  }
}
