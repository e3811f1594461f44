/** Which addresses a peer tells others. Mirrors core/peer/config.go and peer/node/start.go. */
import { isIP } from "node:net";
import { DenimError } from "../base/errors.ts";
import type { PeerSettings } from "./types.ts";

/** Where chaincode dials when nothing is configured. */
const defaultChaincodePort = 7052;

/** Host and port of `host:port` or `[ipv6]:port`. @throws DenimError `invalid-config` */
export function splitHostPort(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(address);
  if (match === null) {
    throw new DenimError("invalid-config", `address ${address}: not in host:port format`, {
      address,
    });
  }
  return { host: match[1] ?? match[2] ?? "", port: Number(match[3]) };
}

/** `host:port`, with brackets around an IPv6 address. */
export function joinHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True for 0.0.0.0 and ::. */
export function isUnspecified(host: string): boolean {
  return isIP(host) === 4 ? host === "0.0.0.0" : isIP(host) === 6 && /^[0:]+$/.test(host);
}

/**
 * The address under which this peer is known.
 * @param localIp the machine's address, asked for only where needed
 * @throws DenimError `invalid-config`
 */
export function localAddress(
  peer: Pick<PeerSettings, "address" | "addressAutoDetect">,
  localIp: () => string,
): string {
  if (peer.address === "") throw new DenimError("invalid-config", "peer.address isn't set");
  const { host, port } = splitHostPort(peer.address);
  if (isUnspecified(host) || peer.addressAutoDetect) return joinHostPort(localIp(), port);
  return peer.address;
}

/**
 * The address that chaincode dials: chaincodeAddress, else chaincodeListenAddress, else the peer's
 * host; never 0.0.0.0.
 * @param peerHost host of `localAddress`
 * @throws DenimError `invalid-config`
 */
export function chaincodeEndpoint(
  peer: Pick<PeerSettings, "chaincodeAddress" | "chaincodeListenAddress">,
  peerHost: string,
): string {
  const unreachable = (key: string, value: string) =>
    new DenimError(
      "invalid-config",
      "invalid endpoint for chaincode to connect",
      { key, value },
      "set peer.chaincodeAddress to an address that chaincode can dial",
    );
  if (peer.chaincodeAddress !== "") {
    if (isUnspecified(splitHostPort(peer.chaincodeAddress).host)) {
      throw unreachable("peer.chaincodeAddress", peer.chaincodeAddress);
    }
    return peer.chaincodeAddress;
  }
  const listen = peer.chaincodeListenAddress === ""
    ? { host: "0.0.0.0", port: defaultChaincodePort }
    : splitHostPort(peer.chaincodeListenAddress);
  if (peer.chaincodeListenAddress !== "" && !isUnspecified(listen.host)) {
    return peer.chaincodeListenAddress;
  }
  if (isUnspecified(peerHost)) throw unreachable("peer.address", peerHost);
  return joinHostPort(peerHost, listen.port);
}

/** Where the chaincode server listens. */
export function chaincodeListenAddress(
  peer: Pick<PeerSettings, "chaincodeListenAddress">,
  peerHost: string,
): string {
  return peer.chaincodeListenAddress || joinHostPort(peerHost, defaultChaincodePort);
}
