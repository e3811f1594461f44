/**
 * peer0.org1 of the recording as a running node: its keys, its TLS certificate, its installed
 * packages and its ledger, reached by gRPC over TLS as clients reach it.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Clock } from "../../src/base/clock.ts";
import { LogSpec } from "../../src/base/log-spec.ts";
import { LogWriter } from "../../src/base/log-writer.ts";
import { silentLogger } from "../../src/base/logger.ts";
import {
  type ChaincodePackage,
  parsePackage,
} from "../../src/chaincode/package/chaincode-package.ts";
import { configOf } from "../../src/config/load.ts";
import { type Block, BlockSchema } from "../../src/gen/common/common_pb.ts";
import {
  ChaincodeDeploymentSpecSchema,
  ChaincodeIDSchema,
  type ChaincodeSpec_Type,
  ChaincodeSpecSchema,
} from "../../src/gen/peer/chaincode_pb.ts";
import { Endorser } from "../../src/gen/peer/peer_pb.ts";
import { type SignedProposal, SignedProposalSchema } from "../../src/gen/peer/proposal_pb.ts";
import type { ProposalResponse } from "../../src/gen/peer/proposal_response_pb.ts";
import { createLedgerProvider } from "../../src/ledger/ledger-provider.ts";
import { asDelivered, replay } from "../../src/node/ledger-replay.ts";
import { PeerNode } from "../../src/node/peer-node.ts";
import { readRecording } from "../../src/node/recording.ts";
import { createRpcClient } from "../../src/rpc/client.ts";
import type { RpcClient } from "../../src/rpc/types.ts";
import { packaged } from "./runtime.ts";
import { redefine } from "./redefined-block.ts";
import { goldenPackages } from "./golden-peer.ts";
import {
  flagsBeforeMvcc,
  goldenBlocks,
  goldenFile,
  goldenPrivateData,
  goldenValidation,
} from "./golden.ts";
import { temporaryDirectory } from "./temporary.ts";

const golden = fileURLToPath(new URL("../testdata/golden/", import.meta.url));
const peerKeys = join(
  golden,
  "crypto-config/peerOrganizations/org1.example.com/peers/peer0.org1.example.com",
);

/** This machine's time, as TLS is checked by it, but not before the recorded certificates begin. */
export const recordedOrNow: Clock = {
  now: () => Math.max(Date.now(), Date.UTC(2026, 10, 22, 13)),
};

/** What is in force on the node's channel, and from which packages. */
export interface GoldenNodeOptions {
  /** Blocks on the ledger. */
  readonly height: number;
  /** In place of the recorded packages of the same name and version. */
  readonly substitutes?: readonly ChaincodePackage[];
  /** Settings of core.yaml. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
}

export class GoldenNode implements AsyncDisposable {
  private constructor(
    readonly node: PeerNode,
    readonly client: RpcClient,
    readonly log: readonly string[],
    private readonly directory: Disposable,
  ) {}

  static async start(options: GoldenNodeOptions): Promise<GoldenNode> {
    const directory = temporaryDirectory("denim-golden-");
    const { substitutes = [] } = options;
    try {
      const ledgers = join(directory.path, "ledgersData");
      if (substitutes.length === 0) await validateAndCommit(ledgers, options.height);
      else commitAsRecorded(ledgers, options.height, substitutes);
      installPackages(join(directory.path, "chaincodes"), substitutes);
      const log: string[] = [];
      const node = await PeerNode.start({
        config: settings(directory.path, options.settings ?? {}),
        clock: recordedOrNow,
        log: new LogWriter({
          write: (line) => log.push(line),
          clock: recordedOrNow,
          spec: LogSpec.parse("info"),
          coloured: false,
        }),
        environment: Deno.env.toObject(),
        // The recorded peer was built without a version stamp.
        systemChaincodeVersion: "latest",
      });
      const client = createRpcClient({
        address: node.address,
        tls: {
          rootCertificates: [readFileSync(join(peerKeys, "tls/ca.crt"), "utf8")],
          serverNameOverride: "peer0.org1.example.com",
        },
      });
      return new GoldenNode(node, client, log, directory);
    } catch (error) {
      directory[Symbol.dispose]();
      throw error;
    }
  }

  process(proposal: SignedProposal): Promise<ProposalResponse> {
    return this.client.unary(Endorser.method.processProposal, proposal, {
      timeoutMs: proposalTimeoutMs,
    });
  }

  /** Sends a recorded proposal, byte for byte. @throws RpcError where it is refused */
  processRecorded(name: string): Promise<ProposalResponse> {
    return this.process(
      fromBinary(SignedProposalSchema, goldenFile(`proposals/${name}.proposal`)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.node.close();
    this.directory[Symbol.dispose]();
  }
}

/** The first proposal for a Go chaincode builds it, and the shim with it. */
const proposalTimeoutMs = 300_000;

function settings(
  directory: string,
  more: Readonly<Record<string, string | number | boolean>>,
) {
  return configOf({}, undefined, directory).with({
    "peer.id": "peer0.org1.example.com",
    "peer.address": "localhost:0",
    "peer.listenAddress": "127.0.0.1:0",
    "peer.chaincodeListenAddress": "127.0.0.1:0",
    "peer.chaincodeAddress": "localhost:0",
    "peer.localMspId": "Org1MSP",
    "peer.mspConfigPath": join(peerKeys, "msp"),
    "peer.fileSystemPath": directory,
    "peer.tls.enabled": true,
    "peer.tls.cert.file": join(peerKeys, "tls/server.crt"),
    "peer.tls.key.file": join(peerKeys, "tls/server.key"),
    "peer.tls.rootcert.file": join(peerKeys, "tls/ca.crt"),
    "operations.listenAddress": "",
    // The recorded peer had LevelDB, which refuses rich queries.
    "ledger.state.richQueries": false,
    "chaincode.runtime": "process",
    "chaincode.logging.level": "warning",
    ...more,
  }).peerConfig;
}

/** The peer's own way: every block validated and committed; flags and state must be the recorded. */
async function validateAndCommit(directory: string, height: number): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const recording = readRecording(golden);
  const { differences } = await replay(
    {
      ...recording,
      blocks: recording.blocks.slice(0, height),
      validation: recording.validation?.slice(0, height),
      state: height === recording.blocks.length ? recording.state : undefined,
    },
    { directory, mspId: "Org1MSP", clock: recordedOrNow, logger: silentLogger },
  );
  if (differences.length > 0) throw new Error(differences.join("\n"));
}

/** With the recorded flags, and definitions that name other packages. */
function commitAsRecorded(
  directory: string,
  height: number,
  substitutes: readonly ChaincodePackage[],
): void {
  const ledgers = createLedgerProvider({ directory });
  try {
    const [genesis, ...blocks] = goldenBlocks().slice(0, height);
    const ledger = ledgers.create("mychannel", asDelivered(genesis));
    const privateData = goldenPrivateData();
    const validation = goldenValidation();
    for (const block of blocks) {
      const number = Number(block.header?.number);
      const changed: Block = redefine(asDelivered(block), substitutes);
      ledger.commit({
        block: fromBinary(BlockSchema, toBinary(BlockSchema, changed)),
        flags: flagsBeforeMvcc(validation[number]),
        privateData: privateData.get(number),
      });
    }
  } finally {
    ledgers.close();
  }
}

/** Byte for byte under the names that a 1.4.2 peer gives them. */
function installPackages(directory: string, substitutes: readonly ChaincodePackage[]): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, version, file] of goldenPackages) {
    cpSync(join(golden, "packages", file), join(directory, `${name}.${version}`));
  }
  for (const { name, version, packageBytes } of substitutes) {
    writeFileSync(join(directory, `${name}.${version}`), packageBytes);
  }
}

/** A package made of a directory's sources. */
export function packageOf(
  type: ChaincodeSpec_Type,
  directory: string,
  name: string,
  version: string,
): ChaincodePackage {
  const { path, codePackage } = packaged(type, directory, name, version);
  const chaincodeId = create(ChaincodeIDSchema, { name, version, path });
  return parsePackage(toBinary(
    ChaincodeDeploymentSpecSchema,
    create(ChaincodeDeploymentSpecSchema, {
      chaincodeSpec: create(ChaincodeSpecSchema, { type, chaincodeId }),
      codePackage,
    }),
  ));
}
