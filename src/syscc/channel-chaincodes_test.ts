import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { emptyBytes, text, utf8 } from "../base/bytes.ts";
import {
  BlockMetadataIndex,
  BlockSchema,
  EnvelopeSchema,
  HeaderType,
} from "../gen/common/common_pb.ts";
import {
  ConfigSignatureSchema,
  ConfigUpdateEnvelopeSchema,
  ConfigUpdateSchema,
} from "../gen/common/configtx_pb.ts";
import type { Response } from "../gen/peer/proposal_response_pb.ts";
import { ChannelQueryResponseSchema } from "../gen/peer/query_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { createSignedEnvelope } from "../protocol/envelope.ts";
import { newNonce } from "../protocol/txid.ts";
import { goldenFile } from "../../tests/support/golden.ts";
import {
  goldenChannel,
  goldenClock,
  type GoldenPeer,
  goldenProposal,
  goldenUser,
  openGoldenPeer,
} from "../../tests/support/golden-peer.ts";

type Invoke = (
  chaincode: string,
  args: readonly (string | Uint8Array)[],
  user?: SigningIdentity,
) => Promise<Response>;

async function withPeer(
  run: (peer: GoldenPeer, invoke: Invoke, admin: SigningIdentity) => Promise<void>,
): Promise<void> {
  using peer = await openGoldenPeer();
  const admin = goldenUser("org1", "Admin");
  try {
    await run(peer, async (chaincode, args, user = admin) => {
      const { signed, txId } = goldenProposal(user, "", chaincode, args);
      const called = peer.systemChaincodes.get(chaincode);
      assert.ok(called);
      return await called.invoke({
        channelId: "",
        txId,
        args: args.map((arg) => typeof arg === "string" ? utf8(arg) : arg),
        signedProposal: signed,
        creator: user.serialized,
        transient: {},
        simulator: undefined,
        viaChaincode: false,
      });
    }, admin);
  } finally {
    admin.close();
  }
}

function refused(response: Response, message: string): void {
  assert.deepEqual([response.status, response.message], [500, message]);
}

Deno.test("JoinChain hands on a checked block with its transaction filter set", async () => {
  await withPeer(async (peer, invoke) => {
    const bytes = goldenFile("artifacts/mychannel.block");
    const response = await invoke("cscc", ["JoinChain", bytes]);
    assert.deepEqual([response.status, response.message], [200, ""]);
    const [block] = peer.joined;
    assert.deepEqual(block.data, fromBinary(BlockSchema, bytes).data);
    assert.equal(block.metadata?.metadata.length, 5);
    assert.deepEqual(
      block.metadata?.metadata[BlockMetadataIndex.TRANSACTIONS_FILTER],
      Uint8Array.of(0),
    );
  });
});

Deno.test("JoinChain refuses other blocks and other people", async () => {
  await withPeer(async (peer, invoke) => {
    const join = (block: Uint8Array, user?: SigningIdentity) =>
      invoke("cscc", ["JoinChain", block], user);
    assert.match(
      (await join(utf8("\n\x7f"))).message,
      /^Failed to reconstruct the genesis block, /,
    );
    refused(
      await join(emptyBytes),
      '"JoinChain" request failed to extract channel id from the block due to [failed to retrieve channel id - block is empty]',
    );
    refused(
      await join(goldenFile("blocks/0005.block")),
      '"JoinChain" for chainID = mychannel failed because of validation of configuration block, because of Bad configuration envelope: invalid type ENDORSER_TRANSACTION, expected CONFIG',
    );
    refused(
      await join(goldenFile("artifacts/genesis.block")),
      '"JoinChain" for chainID = syschannel failed because of validation of configuration block, because of Invalid configuration block, missing Application configuration group',
    );
    const user = goldenUser("org1", "User1");
    try {
      assert.match(
        (await join(goldenFile("artifacts/mychannel.block"), user)).message,
        /^access denied for \[JoinChain\]\[mychannel\]: \[Failed verifying that proposal's creator/,
      );
    } finally {
      user.close();
    }
    assert.equal(peer.joined.length, 0);
  });
});

Deno.test("cscc checks arguments, functions and access", async () => {
  await withPeer(async (_, invoke) => {
    refused(await invoke("cscc", []), "Incorrect number of arguments, 0");
    refused(await invoke("cscc", ["GetConfigBlock"]), "Incorrect number of arguments, 1");
    refused(await invoke("cscc", ["Nothing", "x"]), "Requested function Nothing not found.");
    refused(
      await invoke("cscc", ["GetConfigBlock", "other"]),
      "access denied for [GetConfigBlock][other]: Failed to get policy manager for channel [other]",
    );
    const user = goldenUser("org2", "User1");
    try {
      assert.match(
        (await invoke("cscc", ["GetChannels"], user)).message,
        /^access denied for \[GetChannels\]: Failed deserializing proposal creator/,
      );
    } finally {
      user.close();
    }
    const { payload } = await invoke("cscc", ["GetChannels"]);
    const { channels } = fromBinary(ChannelQueryResponseSchema, payload);
    assert.deepEqual(channels.map(({ channelId }) => channelId), [goldenChannel]);
  });
});

Deno.test("a configuration update is tried without being made", async () => {
  await withPeer(async (_, invoke, admin) => {
    const simulate = (...rest: Uint8Array[]) =>
      invoke("cscc", ["SimulateConfigTreeUpdate", goldenChannel, ...rest]);
    refused(await simulate(), "Config delta bytes must not be nil");
    const envelope = (type: HeaderType, data: Uint8Array) =>
      toBinary(
        EnvelopeSchema,
        createSignedEnvelope({
          type,
          channelId: goldenChannel,
          data,
          clock: goldenClock,
          signer: admin,
          nonce: newNonce(),
        }),
      );
    refused(
      await simulate(envelope(HeaderType.CONFIG, emptyBytes)),
      "invalid payload header type: 1",
    );
    const update = create(ConfigUpdateEnvelopeSchema, {
      configUpdate: toBinary(
        ConfigUpdateSchema,
        create(ConfigUpdateSchema, { channelId: goldenChannel, readSet: {}, writeSet: {} }),
      ),
      signatures: [create(ConfigSignatureSchema)],
    });
    const answer = await simulate(
      envelope(HeaderType.CONFIG_UPDATE, toBinary(ConfigUpdateEnvelopeSchema, update)),
    );
    assert.equal(answer.status, 500);
    assert.notEqual(answer.message, "");
    assert.notEqual(text(answer.payload), "Simulation is successful");
  });
});

Deno.test("qscc checks arguments, channel and function", async () => {
  await withPeer(async (peer, invoke) => {
    refused(await invoke("qscc", ["GetChainInfo"]), "Incorrect number of arguments, 1");
    refused(
      await invoke("qscc", ["GetBlockByNumber", goldenChannel]),
      "missing 3rd argument for GetBlockByNumber",
    );
    refused(await invoke("qscc", ["GetChainInfo", "other"]), "Invalid chain ID, other");
    refused(
      await invoke("qscc", ["Nothing", goldenChannel, "x"]),
      "access denied for [Nothing][mychannel]: [Unmapped policy for qscc/Nothing]",
    );
    const number = (digits: string) => invoke("qscc", ["GetBlockByNumber", goldenChannel, digits]);
    const unparsable = "Failed to parse block number with error strconv.ParseUint: parsing ";
    refused(await number("-1"), `${unparsable}"-1": invalid syntax`);
    refused(await number(""), `${unparsable}"": invalid syntax`);
    refused(
      await number("18446744073709551616"),
      `${unparsable}"18446744073709551616": value out of range`,
    );
    refused(
      await number("9007199254740993"),
      "Failed to get block number 9007199254740993, error Entry not found in index",
    );
    const newest = fromBinary(BlockSchema, (await number("18446744073709551615")).payload);
    assert.equal(Number(newest.header?.number), peer.ledger.info().height - 1);
    refused(
      await invoke("qscc", ["GetTransactionByID", goldenChannel, "nosuch"]),
      "Failed to get transaction with id nosuch, error Entry not found in index",
    );
    refused(
      await invoke("qscc", ["GetBlockByTxID", goldenChannel, "nosuch"]),
      "Failed to get block for txID nosuch, error Entry not found in index",
    );
  });
});

Deno.test("mutated blocks never make JoinChain throw", async () => {
  await withPeer(async (_, invoke) => {
    const original = goldenFile("artifacts/mychannel.block");
    const edits = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(edits, fc.nat(original.length), async (changes, length) => {
        const bytes = original.slice(0, length % 7 === 0 ? length : original.length);
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        const { status } = await invoke("cscc", ["JoinChain", bytes]);
        assert.ok(status === 200 || status === 500);
      }),
      { numRuns: 150 },
    );
  });
});
