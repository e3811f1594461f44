/** What an application of the gateway service (Fabric 2.4 and later) has to know. Pure. */
import type { ProfileEndpoint } from "./connection-profile.ts";

export interface GatewayIdentity {
  readonly label: string;
  /** PEM files. */
  readonly certPath: string;
  readonly keyPath: string;
  readonly mspPath: string;
}

export interface GatewaySource {
  readonly channelId: string;
  readonly mspId: string;
  readonly peer: ProfileEndpoint;
  readonly identities: readonly GatewayIdentity[];
}

/** The client connects to one peer; its SDK needs no more than this. */
export function gatewayProfile(source: GatewaySource): Record<string, unknown> {
  const { channelId, mspId, peer, identities } = source;
  return {
    channel: channelId,
    mspId,
    peerEndpoint: peer.address,
    peerHostAlias: peer.host,
    tlsCertPath: peer.tlsRootCertFile,
    identities: Object.fromEntries(
      identities.map(({ label, certPath, keyPath, mspPath }) => [
        label,
        { certPath, keyPath, mspPath },
      ]),
    ),
  };
}
