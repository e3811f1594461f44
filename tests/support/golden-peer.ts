/**
 * peer0.org1 of the recording at the height of the recorded proposals: its ledger (replayed with the
 * recorded flags), channel configuration, identity, installed packages and system chaincodes.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import { fileURLToPath } from "node:url";
import { emptyBytes } from "../../src/base/bytes.ts";
import type { Clock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { createAclProvider } from "../../src/channel/acl-provider.ts";
import { bundleFromBlock, type ChannelBundle } from "../../src/channel/bundle.ts";
import { lastConfigIndex } from "../../src/channel/config-block.ts";
import type { IdentityAclProvider } from "../../src/channel/types.ts";
import { DirectoryPackageStore } from "../../src/chaincode/package/package-store.ts";
import { createEcdsaProvider } from "../../src/crypto/provider.ts";
import { type Block, BlockMetadataIndex, BlockSchema } from "../../src/gen/common/common_pb.ts";
import { createLedgerProvider } from "../../src/ledger/ledger-provider.ts";
import type { PeerLedger } from "../../src/ledger/types.ts";
import { createMsp } from "../../src/msp/create-msp.ts";
import { loadMspConfig } from "../../src/msp/load-msp-config.ts";
import { loadSigningIdentity, type LocalSigningIdentity } from "../../src/msp/signing-identity.ts";
import type { Msp, SigningIdentity } from "../../src/msp/types.ts";
import { compileSignaturePolicy } from "../../src/policy/signature-policy.ts";
import type { SignedProposal } from "../../src/gen/peer/proposal_pb.ts";
import {
  createProposal,
  invocationOf,
  type ProposalInput,
  signProposal,
} from "../../src/protocol/proposal.ts";
import { newNonce } from "../../src/protocol/txid.ts";
import { Cscc } from "../../src/syscc/cscc/cscc.ts";
import { LsccDefinitions } from "../../src/syscc/lscc/definitions.ts";
import { Lscc } from "../../src/syscc/lscc/lscc.ts";
import { Qscc } from "../../src/syscc/qscc/qscc.ts";
import { systemChaincodeNames, SystemChaincodes } from "../../src/syscc/system-chaincodes.ts";
import {
  flagsBeforeMvcc,
  goldenBlocks,
  goldenFile,
  goldenPrivateData,
  goldenValidation,
} from "./golden.ts";
import { temporaryDirectory } from "./temporary.ts";

/** A moment at which all recorded certificates are valid. */
export const goldenClock: Clock = { now: () => Date.UTC(2027, 0, 1) };

export const goldenChannel = "mychannel";

/** Installed on the recorded peer: name, version, file. */
export const goldenPackages = [
  ["assetcc", "1.0", "assetcc-1.0.cds"],
  ["assetcc", "2.0", "assetcc-2.0.cds"],
  ["othercc", "1.0", "othercc-1.0.signed.cds"],
  ["thirdcc", "1.0", "thirdcc-1.0.signed2.cds"],
] as const;

export interface GoldenPeer extends Disposable {
  readonly ledger: PeerLedger;
  readonly bundle: ChannelBundle;
  readonly localMsp: Msp;
  readonly signer: SigningIdentity;
  readonly acl: IdentityAclProvider;
  readonly packages: DirectoryPackageStore;
  readonly definitions: LsccDefinitions;
  readonly systemChaincodes: SystemChaincodes;
  readonly channels: {
    bundle(channelId: string): ChannelBundle | undefined;
    ledger(channelId: string): PeerLedger | undefined;
  };
  /** Blocks that cscc was asked to join with. */
  readonly joined: Block[];
  /** Names and versions that lscc installed. */
  readonly installed: string[];
}

/**
 * Replays the recording and opens everything around it. Dispose it after use.
 *
 * @param height how many blocks it has committed; all of them when left out
 */
export async function openGoldenPeer(height = Infinity): Promise<GoldenPeer> {
  const directory = temporaryDirectory();
  const mspDirectory = fileURLToPath(
    new URL(
      "../testdata/golden/crypto-config/peerOrganizations/org1.example.com/peers/peer0.org1.example.com/msp",
      import.meta.url,
    ),
  );
  const provider = createEcdsaProvider();
  const localMsp = createMsp(await loadMspConfig(mspDirectory, "Org1MSP"), {
    provider,
    clock: goldenClock,
  });
  const signer = loadSigningIdentity(mspDirectory, "Org1MSP", provider, { clock: goldenClock });
  const ledgers = createLedgerProvider({ directory: `${directory.path}/ledgers` });
  const blocks = goldenBlocks().slice(0, height);
  const ledger = replay(ledgers.create(goldenChannel, delivered(blocks[0])), blocks.slice(1));
  const configBlock = ledger.blockByNumber(
    Number(lastConfigIndex(ledger.blockByNumber(ledger.info().height - 1))),
  );
  const bundle = bundleFromBlock(configBlock, { provider, clock: goldenClock });
  const known = (channelId: string) => channelId === goldenChannel;
  const channels = {
    bundle: (channelId: string) => known(channelId) ? bundle : undefined,
    ledger: (channelId: string) => known(channelId) ? ledger : undefined,
  };
  const acl = createAclProvider({ bundleOf: channels.bundle, localMsp });
  const packages = new DirectoryPackageStore(`${directory.path}/chaincodes`, silentLogger);
  for (const [name, version, file] of goldenPackages) {
    packages.install(name, version, goldenFile(`packages/${file}`));
  }
  const joined: Block[] = [];
  const installed: string[] = [];
  const systemChaincodes = new SystemChaincodes([
    new Lscc({
      channels,
      packages,
      acl,
      compilePolicy: compileSignaturePolicy,
      isSystemChaincode: (name) => systemChaincodeNames.has(name),
      onInstalled: ({ name, version }) => installed.push(`${name}:${version}`),
    }),
    new Qscc({ channels, acl }),
    new Cscc({
      acl,
      channels: {
        bundle: channels.bundle,
        ids: () => [goldenChannel],
        configBlock: (channelId) => known(channelId) ? configBlock : undefined,
        configTxValidator: (channelId) => known(channelId) ? bundle.configTxValidator : undefined,
      },
      joinChannel: (_, block) => void joined.push(block),
    }),
  ]);
  const definitions = new LsccDefinitions(packages);
  return {
    ledger,
    bundle,
    localMsp,
    signer,
    acl,
    packages,
    definitions,
    systemChaincodes,
    channels,
    joined,
    installed,
    [Symbol.dispose]: () => {
      ledgers.close();
      signer.close();
      directory[Symbol.dispose]();
    },
  };
}

/** Commits the recorded blocks as the recorded peer validated them. */
function replay(ledger: PeerLedger, blocks: readonly Block[]): PeerLedger {
  const privateData = goldenPrivateData();
  const validation = goldenValidation();
  for (const block of blocks) {
    const number = Number(block.header?.number);
    ledger.commit({
      block: delivered(block),
      flags: flagsBeforeMvcc(validation[number]),
      privateData: privateData.get(number),
    });
  }
  return ledger;
}

/** As the orderer delivers it: without what a peer adds to the metadata. */
function delivered(block: Block): Block {
  const metadata = (block.metadata?.metadata ?? []).map((slot, index) =>
    index === BlockMetadataIndex.TRANSACTIONS_FILTER || index === BlockMetadataIndex.COMMIT_HASH
      ? emptyBytes
      : slot
  );
  return create(BlockSchema, { header: block.header, data: block.data, metadata: { metadata } });
}

/** Block 0 as `peer channel join` takes it. */
export function goldenJoinBlock(): Block {
  return fromBinary(BlockSchema, goldenFile("artifacts/mychannel.block"));
}

/** A user of the recorded network: `goldenUser("org1", "Admin")`. Close it after use. */
export function goldenUser(organisation: "org1" | "org2", user: string): LocalSigningIdentity {
  const domain = `${organisation}.example.com`;
  const path = `peerOrganizations/${domain}/users/${user}@${domain}/msp`;
  const directory = fileURLToPath(
    new URL(`../testdata/golden/crypto-config/${path}`, import.meta.url),
  );
  const mspId = organisation === "org1" ? "Org1MSP" : "Org2MSP";
  return loadSigningIdentity(directory, mspId, createEcdsaProvider(), { clock: goldenClock });
}

/** A proposal as a client makes it. */
export function goldenProposal(
  user: SigningIdentity,
  channelId: string,
  chaincode: string,
  args: readonly (string | Uint8Array)[],
  options: Partial<ProposalInput> = {},
): { signed: SignedProposal; txId: string } {
  const { proposal, txId } = createProposal({
    channelId,
    invocation: invocationOf(chaincode, args),
    creator: user.serialized,
    nonce: newNonce(),
    clock: goldenClock,
    ...options,
  });
  return { signed: signProposal(proposal, user), txId };
}
