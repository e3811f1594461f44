/**
 * `deno task bench --endorser [--rounds N]`: what one endorsement costs between the bytes of the
 * request and those of the answer, without network and chaincode: a stand-in for the chaincode
 * answers on its stream at once. CPU time of the whole process, so that two trees can be compared
 * in turns on a busy machine.
 */
import process from "node:process";
import { create, toBinary } from "@bufbuild/protobuf";
import { concat, utf8 } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { createChaincodeSupport } from "../../src/chaincode/chaincode-support.ts";
import { ProposalProcessor } from "../../src/endorser/endorser.ts";
import {
  type ChaincodeMessage,
  ChaincodeMessage_Type as Type,
  ChaincodeMessageSchema,
  GetStateSchema,
  PutStateSchema,
} from "../../src/gen/peer/chaincode_shim_pb.ts";
import { ChaincodeIDSchema } from "../../src/gen/peer/chaincode_pb.ts";
import { ProposalResponseSchema, ResponseSchema } from "../../src/gen/peer/proposal_response_pb.ts";
import { SignedProposalSchema } from "../../src/gen/peer/proposal_pb.ts";
import { compileSignaturePolicy } from "../../src/policy/signature-policy.ts";
import { decodeWire } from "../../src/protocol/wire-decoder.ts";
import { encodeWire } from "../../src/protocol/wire-encoder.ts";
import {
  goldenChannel,
  goldenClock,
  goldenProposal,
  goldenUser,
  openGoldenPeer,
} from "../../tests/support/golden-peer.ts";

const clientsAtOnce = 32;
const proposalsPerRound = 1_500;
const warmUpRounds = 2;

type Operation = "read" | "read+write";

/** Prints microseconds of CPU for one endorsement, the median of the rounds. */
export async function benchEndorser(rounds: number): Promise<void> {
  for (const operation of ["read", "read+write"] as const) {
    const values = await measureEndorser(operation, rounds);
    const sorted = values.toSorted((a, b) => a - b);
    console.log(
      `${operation.padEnd(12)} ${sorted[Math.floor(sorted.length / 2)].toFixed(1)} µs CPU, ` +
        `least ${sorted[0].toFixed(1)}`,
    );
  }
}

async function measureEndorser(operation: Operation, rounds: number): Promise<number[]> {
  using peer = await openGoldenPeer();
  const user = goldenUser("org1", "User1");
  const host = createChaincodeSupport({
    config: {
      startupTimeoutMs: 5_000,
      executeTimeoutMs: 30_000,
      keepaliveMs: 0,
      totalQueryLimit: 100_000,
      peerAddress: "peer:7052",
      tlsEnabled: false,
      userRunsChaincode: true,
      environment: {},
    },
    systemChaincodes: {
      get: (name) => peer.systemChaincodes.get(name),
      isSystemChaincode: (name) => peer.systemChaincodes.isSystemChaincode(name),
      isClosedToChaincodes: (name) => peer.systemChaincodes.isClosedToChaincodes(name),
    },
    packages: peer.packages,
    definitions: peer.definitions,
    acl: peer.acl,
    certificateAuthority: {
      certificatePem: "",
      newClientKeyPair: () => Promise.reject(new Error("no TLS here")),
    },
    runtimeFor: () => Promise.reject(new Error("nothing is launched here")),
    ledger: peer.channels.ledger,
    bundle: peer.channels.bundle,
    signaturePolicy: (_, policy) => compileSignaturePolicy(policy, peer.bundle.mspManager),
    logger: silentLogger,
  });
  const stub = new StubChaincode(operation);
  const { version } = peer.definitions.chaincodeDefinition(
    "assetcc",
    peer.ledger.newQueryExecutor(),
  );
  const ready = stub.connect(host.serveDialled(`assetcc:${version}`, stub.requests()));
  stub.register(`assetcc:${version}`);
  await ready;
  const processor = new ProposalProcessor({
    ...peer,
    chaincode: host,
    clock: goldenClock,
    logger: silentLogger,
  });
  const requests = Array.from({ length: proposalsPerRound }, () => {
    const { signed } = goldenProposal(user, goldenChannel, "assetcc", ["get", "a"]);
    return toBinary(SignedProposalSchema, signed);
  });
  const answer = async (bytes: Uint8Array) => {
    const response = await processor.process(decodeWire(SignedProposalSchema, bytes));
    if (response.endorsement === undefined) throw new Error(response.response?.message);
    return encodeWire(ProposalResponseSchema, response);
  };
  try {
    const values: number[] = [];
    for (let round = -warmUpRounds; round < rounds; round++) {
      let next = 0;
      const before = cpuMicros();
      const client = async () => {
        while (next < requests.length) await answer(requests[next++]);
      };
      await Promise.all(Array.from({ length: clientsAtOnce }, client));
      if (round >= 0) values.push((cpuMicros() - before) / requests.length);
    }
    return values;
  } finally {
    await host.close();
    user.close();
  }
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** The chaincode's end of a stream: reads one key (and writes it), then answers. */
class StubChaincode {
  readonly #operation: Operation;
  readonly #toPeer: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  readonly #getState = toBinary(GetStateSchema, create(GetStateSchema, { key: "a" }));
  readonly #putState = toBinary(
    PutStateSchema,
    create(PutStateSchema, { key: "a", value: utf8("v".repeat(100)) }),
  );
  readonly #completed = toBinary(
    ResponseSchema,
    create(ResponseSchema, { status: 200, payload: utf8("v".repeat(100)) }),
  );
  readonly #written = new Set<string>();

  constructor(operation: Operation) {
    this.#operation = operation;
  }

  register(instance: string): void {
    const payload = toBinary(ChaincodeIDSchema, create(ChaincodeIDSchema, { name: instance }));
    this.#send(Type.REGISTER, payload, "", "");
  }

  async *requests(): AsyncGenerator<ChaincodeMessage> {
    for (;;) {
      while (this.#toPeer.length > 0) {
        yield decodeWire(ChaincodeMessageSchema, this.#toPeer.shift() as Uint8Array);
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Answers what the peer sends; resolves when it is ready. */
  connect(fromPeer: AsyncIterable<ChaincodeMessage>): Promise<void> {
    return new Promise((ready) => {
      void (async () => {
        for await (const message of fromPeer) {
          encodeWire(ChaincodeMessageSchema, message); // what the transport would do
          if (message.type === Type.READY) ready();
          else this.#react(message);
        }
      })();
    });
  }

  #react({ type, txid, channelId }: ChaincodeMessage): void {
    if (type === Type.TRANSACTION) {
      this.#send(Type.GET_STATE, this.#getState, txid, channelId);
    } else if (type === Type.RESPONSE) {
      if (this.#operation === "read+write" && !this.#written.delete(txid)) {
        this.#written.add(txid);
        this.#send(Type.PUT_STATE, this.#putState, txid, channelId);
      } else this.#send(Type.COMPLETED, this.#completed, txid, channelId);
    }
  }

  /** The message put together by hand, which costs next to nothing. */
  #send(type: Type, payload: Uint8Array, txid: string, channelId: string): void {
    const text = (tag: number, value: string) =>
      value === "" ? new Uint8Array(0) : concat(Uint8Array.of(tag, value.length), utf8(value));
    const sized = payload.length < 128
      ? Uint8Array.of(0x1a, payload.length)
      : Uint8Array.of(0x1a, (payload.length & 0x7f) | 0x80, payload.length >> 7);
    this.#toPeer.push(
      concat(Uint8Array.of(0x08, type), sized, payload, text(0x22, txid), text(0x3a, channelId)),
    );
    this.#wake?.();
  }
}
