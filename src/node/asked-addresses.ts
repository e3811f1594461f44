/** Which peers of other processes to ask who is there, and which TLS certificates they may show. */
import type { Bundle } from "../channel/types.ts";
import { encodePem } from "../crypto/pem.ts";
import type { AskedPeer } from "../discovery/asked-peers.ts";

export interface AskedAddressesOptions {
  readonly channelIds: readonly string[];
  bundleOf(channelId: string): Bundle | undefined;
  readonly localMspId: string;
  /** `peer.gossip.bootstrap`: peers of this peer's own organisation, asked about every channel. */
  readonly bootstrap: readonly string[];
  /** Addresses that need not be asked: this peer's own, and of peers known otherwise. */
  readonly known: readonly string[];
}

/** Peers that are asked at most; further anchor peers are left out. */
export const maxAskedPeers = 100;

/** Anchor peers of all organisations of the channels and the bootstrap peers, each address once. */
export function peersToAsk(options: AskedAddressesOptions): AskedPeer[] {
  const { channelIds, bundleOf, localMspId, bootstrap } = options;
  const known = new Set(options.known);
  const asked = new Map<string, { address: string; mspId: string; channelIds: string[] }>();
  const add = (address: string, mspId: string, channelId: string) => {
    if (known.has(address)) return;
    const peer = asked.get(address);
    // An address is one organisation's: the certificate it shows decides, so the first one counts.
    if (peer === undefined) {
      if (asked.size < maxAskedPeers) {
        asked.set(address, { address, mspId, channelIds: [channelId] });
      }
    } else if (peer.mspId === mspId && !peer.channelIds.includes(channelId)) {
      peer.channelIds.push(channelId);
    }
  };
  for (const channelId of channelIds) {
    for (const address of bootstrap) add(address, localMspId, channelId);
    for (const { mspId, anchorPeers } of bundleOf(channelId)?.applicationOrgs ?? []) {
      for (const { host, port } of anchorPeers) add(`${host}:${port}`, mspId, channelId);
    }
  }
  return [...asked.values()];
}

/** PEM of the TLS roots of the asked peer's organisation, from the channels it is asked about. */
export function tlsRootsOf(
  { mspId, channelIds }: AskedPeer,
  bundleOf: (channelId: string) => Bundle | undefined,
): string[] {
  const certificates = new Set<string>();
  for (const channelId of channelIds) {
    const msp = bundleOf(channelId)?.mspManager.msp(mspId);
    if (msp === undefined) continue;
    for (const der of [...msp.tlsRootCertificates, ...msp.tlsIntermediateCertificates]) {
      certificates.add(encodePem("CERTIFICATE", der));
    }
  }
  return [...certificates];
}
