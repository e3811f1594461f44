/** Makes what a development network starts from: keys, genesis block, channel transaction, core.yaml. */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import type { Clock } from "../base/clock.ts";
import { BlockSchema, EnvelopeSchema } from "../gen/common/common_pb.ts";
import { loadMspConfig } from "../msp/load-msp-config.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { channelCreation } from "./genesis/channel-update.ts";
import { genesisBlock } from "./genesis/genesis-block.ts";
import type { OrganizationProfile, Profile } from "./genesis/profile.ts";
import { channelProfile, systemProfile } from "./network-profile.ts";
import { generateOrganization } from "./keys/organization-keys.ts";
import { writeOrganization } from "./keys/write-organization.ts";
import { type NetworkLayout, ordererDomain, ordererMspId, systemChannelId } from "./layout.ts";

/** Keys of every organisation that has none yet. */
export function makeKeys(layout: NetworkLayout, clock: Clock): void {
  if (!existsSync(layout.orderer.organizationMspPath)) {
    writeOrganization(
      layout.cryptoPath,
      generateOrganization({ domain: ordererDomain, mspId: ordererMspId, kind: "orderer", clock }),
    );
  }
  for (const { mspPath, mspId, domain } of layout.organizations) {
    if (existsSync(mspPath)) continue;
    writeOrganization(layout.cryptoPath, generateOrganization({ domain, mspId, clock }));
  }
}

/** Writes the genesis block of the system channel and the channel's creation transaction. */
export async function makeArtifacts(
  layout: NetworkLayout,
  channelId: string,
  signer: SigningIdentity,
  clock: Clock,
): Promise<void> {
  const ordererOrganization: OrganizationProfile = {
    name: "OrdererOrg",
    mspId: ordererMspId,
    msp: await loadMspConfig(layout.orderer.organizationMspPath, ordererMspId),
  };
  const organizations = await Promise.all(
    layout.organizations.map(async ({ name, mspId, mspPath }) => ({
      name,
      mspId,
      msp: await loadMspConfig(mspPath, mspId),
    })),
  );
  const system: Profile = systemProfile(
    ordererOrganization,
    organizations,
    layout.orderer.address,
  );
  const channel = channelCreation(channelId, channelProfile(organizations), {
    clock,
    signers: [signer],
  });
  await mkdir(dirname(layout.genesisBlockFile), { recursive: true });
  await writeFile(layout.channelTransactionFile, toBinary(EnvelopeSchema, channel));
  // Last: where it is, everything before it is.
  const genesis = genesisBlock(systemChannelId, system, { clock });
  await writeFile(layout.genesisBlockFile, toBinary(BlockSchema, genesis));
}

/** A core.yaml for FABRIC_CFG_PATH, so that Fabric's own tools work in this network too. */
export async function writeClientConfig(layout: NetworkLayout): Promise<void> {
  const [org] = layout.organizations;
  const yaml = `# Client settings of this development network; CORE_* variables override them.
peer:
  address: ${org.peerAddress}
  localMspId: ${org.mspId}
  localMspType: bccsp
  mspConfigPath: ${JSON.stringify(org.adminMspPath)}
  BCCSP: { Default: SW, SW: { Hash: SHA2, Security: 256 } }
  tls:
    enabled: true
    rootcert: { file: ${JSON.stringify(org.tlsRootCertFile)} }
`;
  await mkdir(layout.configPath, { recursive: true });
  await writeFile(join(layout.configPath, "core.yaml"), yaml);
}
