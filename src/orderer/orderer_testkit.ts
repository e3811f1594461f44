/** An orderer over the recorded genesis block, reached through a real connection. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary } from "@bufbuild/protobuf";
import { systemClock } from "../base/clock.ts";
import { utf8 } from "../base/bytes.ts";
import { silentLogger } from "../base/logger.ts";
import {
  artifactBlock,
  goldenFile,
  goldenFolder,
  provider,
  signedUpdate,
  signerOf,
} from "../channel/channel_testkit.ts";
import { openConfigUpdate } from "../channel/config-update.ts";
import { signConfigUpdate } from "../channel/config-signature.ts";
import { seekEnvelope, type SeekOptions } from "../deliver/testing.ts";
import { type Block, type Envelope, EnvelopeSchema, HeaderType } from "../gen/common/common_pb.ts";
import { ConfigUpdateEnvelopeSchema } from "../gen/common/configtx_pb.ts";
import { AtomicBroadcast, type BroadcastResponse } from "../gen/orderer/ab_pb.ts";
import { loadSigningIdentity } from "../msp/signing-identity.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { createSignedEnvelope } from "../protocol/envelope.ts";
import { newNonce } from "../protocol/txid.ts";
import { createRpcClient } from "../rpc/client.ts";
import { createRpcServer } from "../rpc/server.ts";
import type { RpcClient } from "../rpc/types.ts";
import { toBinary } from "@bufbuild/protobuf";
import { createOrderer, type Orderer, type OrdererOptions } from "./orderer.ts";

export { signedUpdate, signerOf };

const clock = systemClock;

/** The recorded network's orderer. */
export const ordererSigner = loadSigningIdentity(
  `${goldenFolder}crypto-config/ordererOrganizations/example.com/orderers/orderer.example.com/msp`,
  "OrdererMSP",
  provider,
);
export const admin1 = signerOf("Org1MSP", "Admin@org1.example.com");
export const user1 = signerOf("Org1MSP", "User1@org1.example.com");

export function testOrderer(
  dataDirectory: string,
  options: Partial<OrdererOptions> = {},
): Orderer {
  return createOrderer({
    dataDirectory,
    signer: ordererSigner,
    systemChannelGenesis: artifactBlock("genesis.block"),
    provider,
    clock,
    logger: silentLogger,
    cutWhenIdle: true,
    ...options,
  });
}

/** A data directory for one test. */
export async function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "denim-orderer-"));
  try {
    await run(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What a test does with a running orderer. */
export class OrdererConnection {
  constructor(readonly orderer: Orderer, readonly client: RpcClient) {}

  /** Sends on one stream and collects the responses. */
  async broadcast(...messages: Envelope[]): Promise<BroadcastResponse[]> {
    const stream = this.client.stream(AtomicBroadcast.method.broadcast, { timeoutMs: 20_000 });
    const sending = (async () => {
      for (const message of messages) await stream.send(message);
      stream.closeSend();
    })().catch(() => {}); // a refusal ends the stream before everything is sent
    const responses = await Array.fromAsync(stream.responses);
    await sending;
    return responses;
  }

  /** Seeks, and gives blocks and the final status. */
  async deliver(
    seek: Partial<SeekOptions>,
    signer: SigningIdentity = admin1,
  ): Promise<{ blocks: Block[]; status: number | undefined }> {
    const stream = this.client.stream(AtomicBroadcast.method.deliver, { timeoutMs: 20_000 });
    await stream.send(seekEnvelope({ clock, signer, ...seek }));
    stream.closeSend();
    const blocks: Block[] = [];
    let status: number | undefined;
    for await (const { Type } of stream.responses) {
      if (Type.case === "block") blocks.push(Type.value);
      if (Type.case === "status") status = Type.value;
    }
    return { blocks, status };
  }

  /** The first `count` blocks, waiting for them. */
  async blocks(channelId: string, count: number): Promise<Block[]> {
    return (await this.deliver({ channelId, start: 0, stop: count - 1 })).blocks;
  }

  async createChannel(): Promise<BroadcastResponse> {
    return (await this.broadcast(channelCreation(admin1)))[0];
  }
}

/** The recorded creation of mychannel, signed as `peer channel create` does. */
export function channelCreation(signer: SigningIdentity): Envelope {
  const unsigned = openConfigUpdate(
    fromBinary(EnvelopeSchema, goldenFile("artifacts/mychannel.tx")),
  );
  const signed = signConfigUpdate(unsigned, signer);
  return createSignedEnvelope({
    type: HeaderType.CONFIG_UPDATE,
    channelId: "mychannel",
    data: toBinary(ConfigUpdateEnvelopeSchema, create(ConfigUpdateEnvelopeSchema, signed)),
    clock,
    signer,
    nonce: newNonce(),
  });
}

/** A message of no meaning to the orderer. */
export function message(
  text: string,
  options: { channelId?: string; signer?: SigningIdentity } = {},
): Envelope {
  return createSignedEnvelope({
    type: HeaderType.MESSAGE,
    channelId: options.channelId ?? "mychannel",
    data: utf8(text),
    clock,
    signer: options.signer ?? user1,
    nonce: newNonce(),
  });
}

export async function withOrderer(
  run: (connection: OrdererConnection) => Promise<void>,
  options: Partial<OrdererOptions> = {},
): Promise<void> {
  await withDirectory(async (directory) => {
    const orderer = testOrderer(directory, options);
    await connected(orderer, run);
  });
}

/** Serves the orderer, runs, closes all. */
export async function connected(
  orderer: Orderer,
  run: (connection: OrdererConnection) => Promise<void>,
): Promise<void> {
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
  orderer.register(server, { mutualTls: false });
  const client = createRpcClient({ address: server.address });
  try {
    await run(new OrdererConnection(orderer, client));
  } finally {
    await client.close();
    orderer.close();
    await server.close(100);
  }
}
