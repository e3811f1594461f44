/** A ready-made client of a running development network: an organisation's administrator. */
import type { Clock } from "../base/clock.ts";
import { configOf } from "../config/load.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { loadSigningIdentity } from "../msp/signing-identity.ts";
import type { Submitter } from "./chaincode-lifecycle.ts";
import { organizationSettings } from "./network-settings.ts";
import type { NetworkOrganization, RunningNetwork } from "./running-network.ts";
import { ClientSession } from "./session.ts";

export interface NetworkClient extends Submitter {
  close(): void;
}

/** How long the network's own transactions may take to commit. */
const commitTimeoutMs = 30_000;

/** Connects as the administrator of `org`. Close it at the end. @throws DenimError */
export async function networkClient(
  network: Pick<RunningNetwork, "directory" | "ordererAddress" | "ordererTlsRootCertFile">,
  org: NetworkOrganization,
  clock: Clock,
): Promise<NetworkClient> {
  const config = configOf({}, undefined, network.directory).with({
    ...organizationSettings(org),
    "orderer.address": network.ordererAddress,
    "orderer.tls.enabled": true,
    "orderer.tls.rootcert.file": network.ordererTlsRootCertFile,
  });
  const signer = loadSigningIdentity(org.adminMspPath, org.mspId, createEcdsaProvider());
  const session = new ClientSession(config, signer, clock);
  return {
    signer,
    clock,
    peers: [await session.configuredPeer()],
    orderer: await session.orderer(),
    commitTimeoutMs,
    close: () => session.close(),
  };
}
