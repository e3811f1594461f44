/** Whose TLS client certificates a peer accepts. Mirrors updateTrustedRoots of core/peer/peer.go. */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { encodePem } from "../crypto/pem.ts";
import type { Bundle } from "../channel/types.ts";
import type { RpcServer } from "../rpc/types.ts";

/** PEM of the TLS certificates that the organisations of a channel issue with, orderers' too. */
export function tlsRootsOf({ mspManager, applicationOrgs, orderer }: Bundle): string[] {
  const mspIds = [...applicationOrgs.map(({ mspId }) => mspId), ...orderer?.orgMspIds ?? []];
  return mspIds.flatMap((mspId) => {
    const msp = mspManager.msp(mspId);
    return msp ? [...msp.tlsRootCertificates, ...msp.tlsIntermediateCertificates] : [];
  }).map((der) => encodePem("CERTIFICATE", der));
}

/**
 * Lets a server that wants client certificates accept those of all channels' organisations, besides
 * the configured roots. To be called at start and whenever a configuration changes.
 */
export function trustChannelMembers(
  server: RpcServer,
  configured: readonly string[] | undefined,
  bundles: readonly Bundle[],
  logger: Logger,
): void {
  if (configured === undefined) return;
  try {
    server.trustClients([...new Set([...configured, ...bundles.flatMap(tlsRootsOf)])]);
  } catch (error) {
    logger.error(
      `Failed to update trusted roots for client TLS from channels: ${messageOf(error)}`,
    );
  }
}
