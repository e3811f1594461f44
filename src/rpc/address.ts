/** `host:port` texts. */
import { DenimError } from "../base/errors.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Splits `host:port` (`[::1]:7051` for IPv6; an empty host means all interfaces when listening).
 * @throws DenimError `bad-address`
 */
export function parseAddress(address: string): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):([0-9]{1,5})$/.exec(address);
  const port = match ? Number(match[3]) : -1;
  if (!match || port > 65_535) {
    throw new DenimError(
      "bad-address",
      `address ${JSON.stringify(address)} is not host:port`,
      { address },
      "Write it as host:port, for example localhost:7051.",
    );
  }
  return { host: match[1] ?? match[2], port };
}

/** Joins host and port, with brackets around IPv6 addresses. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `host:port` of a socket's other side. */
export function remoteAddressOf(socket: { remoteAddress?: string; remotePort?: number }): string {
  return formatAddress(socket.remoteAddress ?? "", socket.remotePort ?? 0);
}
