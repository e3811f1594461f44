/** Where a peer listens and how others reach it. Mirrors core/peer/config.go and peer/node/start.go. */
import { networkInterfaces } from "node:os";
import { splitHostPort } from "../config/addresses.ts";
import type { PeerConfig } from "../config/types.ts";
import type { RpcServer } from "../rpc/types.ts";

/** Whether the Admin service listens apart from the peer. Mirrors adminHasSeparateListener. */
export function hasOwnAdminListener(
  { adminListenAddress, listenAddress }: PeerConfig["peer"],
): boolean {
  if (adminListenAddress === "") return false;
  const { port } = splitHostPort(adminListenAddress);
  return port === 0 || port !== splitHostPort(listenAddress).port;
}

/** `address` with the port that was really taken where it asks for any (0). */
export function boundAddress(address: string, server: RpcServer): string {
  if (splitHostPort(address).port !== 0) return address;
  return address.replace(/:0$/, `:${splitHostPort(server.address).port}`);
}

/** The first address of this machine that others may use. */
export function localIp(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) {
      if (family === "IPv4" && !internal) return address;
    }
  }
  return "127.0.0.1";
}
