/** A configuration update moves the ordering service: other address, other TLS authority. */
import assert from "node:assert/strict";
import { clone, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { sleep } from "../src/base/async.ts";
import { utf8 } from "../src/base/bytes.ts";
import { silentLogger } from "../src/base/logger.ts";
import { signedUpdate, signerOf } from "../src/channel/channel_testkit.ts";
import { computeConfigUpdate } from "../src/channel/compute-update.ts";
import { bundleFromBlock } from "../src/channel/bundle.ts";
import { createEcdsaProvider } from "../src/crypto/provider.ts";
import { type Block, EnvelopeSchema, HeaderType } from "../src/gen/common/common_pb.ts";
import { OrdererAddressesSchema } from "../src/gen/common/configuration_pb.ts";
import { ConfigEnvelopeSchema, ConfigSchema } from "../src/gen/common/configtx_pb.ts";
import { FabricMSPConfigSchema, MSPConfigSchema } from "../src/gen/msp/msp_config_pb.ts";
import { createLedgerProvider } from "../src/ledger/ledger-provider.ts";
import { Channels } from "../src/node/channels.ts";
import { createSignedEnvelope } from "../src/protocol/envelope.ts";
import { newNonce } from "../src/protocol/txid.ts";
import { createRpcClient } from "../src/rpc/client.ts";
import { createTestAuthority } from "../src/rpc/testing-certs.ts";
import { madeChain, orderedBlock, serveBlocks } from "./support/block-orderer.ts";
import { goldenJoinBlock } from "./support/golden-peer.ts";
import { recordedOrNow as clock } from "./support/golden-node.ts";
import { temporaryDirectory } from "./support/temporary.ts";
import { buildTransaction, recordedOrderer, recordedSigner } from "./support/transactions.ts";

const channelId = "mychannel";
const provider = createEcdsaProvider();
const orderer = recordedOrderer(provider);

/** The recorded channel's next configuration: only this address, and one TLS root more. */
function movedConfiguration(configBlock: Block, address: string, tlsRoot: string): Uint8Array {
  const bundle = bundleFromBlock(configBlock, { provider, clock });
  const config = clone(ConfigSchema, bundle.config);
  const { values, groups } = config.channelGroup ?? assert.fail();
  values.OrdererAddresses.value = toBinary(
    OrdererAddressesSchema,
    create(OrdererAddressesSchema, { addresses: [address] }),
  );
  const mspValue = groups.Orderer.groups.OrdererOrg.values.MSP;
  const msp = fromBinary(MSPConfigSchema, mspValue.value);
  const fabricMsp = fromBinary(FabricMSPConfigSchema, msp.config);
  fabricMsp.tlsRootCerts.push(utf8(tlsRoot));
  msp.config = toBinary(FabricMSPConfigSchema, fabricMsp);
  mspValue.value = toBinary(MSPConfigSchema, msp);
  const admin = signerOf("OrdererMSP", "Admin@example.com");
  const update = computeConfigUpdate(channelId, bundle.config, config);
  const proposed = bundle.configTxValidator.proposeConfigUpdate(
    signedUpdate(channelId, update, [admin]),
  );
  admin.close();
  const envelope = createSignedEnvelope({
    type: HeaderType.CONFIG,
    channelId,
    data: toBinary(ConfigEnvelopeSchema, proposed),
    clock,
    signer: orderer,
    nonce: newNonce(),
  });
  return toBinary(EnvelopeSchema, envelope);
}

/** `chain` and one ordinary block more. */
function continued(chain: readonly Block[], lastConfig: bigint): Block[] {
  const creator = recordedSigner("org1", "User1", provider);
  const endorser = recordedSigner("org1", "peer0", provider);
  const sets = [{ namespace: "assetcc", writes: { moved: `${chain.length}` } }];
  const { bytes } = buildTransaction({ creator, endorsers: [endorser], sets });
  creator.close();
  endorser.close();
  return [...chain, orderedBlock(chain[chain.length - 1], [bytes], orderer, lastConfig)];
}

Deno.test("orderers move by configuration update, to another TLS authority too: the peer follows, and after a restart", async () => {
  using directory = temporaryDirectory();
  const recorded = madeChain(provider, { blocks: 1, transactionsPerBlock: 1 });
  const authority = await createTestAuthority("another TLS authority");
  const newChain: Block[] = [];
  const later = await serveBlocks(newChain, { tls: await authority.issue("new-orderer") });
  const moving = orderedBlock(
    recorded[recorded.length - 1],
    [movedConfiguration(recorded[2], later.address, authority.root)],
    orderer,
    BigInt(recorded.length),
  );
  const lastConfig = moving.header?.number ?? assert.fail();
  const earlier = await serveBlocks([...recorded, moving]);
  newChain.push(...continued([...recorded, moving], lastConfig));
  const signer = recordedSigner("org1", "peer0", provider);
  const asked: string[] = [];
  const open = () => {
    const ledgers = createLedgerProvider({ directory: directory.path });
    const channels = new Channels(ledgers, {
      ecdsa: provider,
      signer,
      identitiesOf: () => undefined,
      connectOrderer: (address, rootCertificates) => {
        asked.push(address);
        // The recording's own address is where our earlier orderer would have been.
        return address === later.address
          ? createRpcClient({ address, tls: { rootCertificates } })
          : createRpcClient({
            address: earlier.address,
            tls: { rootCertificates, serverNameOverride: "orderer.example.com" },
          });
      },
      tlsCertificateHash: undefined,
      reconnect: { maxBackoffMs: 100 },
      transientRetentionBlocks: 1000,
      clock,
      logger: silentLogger,
    });
    return { ledgers, channels };
  };
  const reach = async (channels: Channels, height: number) => {
    const deadline = Date.now() + 30_000;
    while ((channels.ledger(channelId)?.info().height ?? 0) < height) {
      assert.ok(Date.now() < deadline, `height ${channels.ledger(channelId)?.info().height}`);
      await sleep(20);
    }
  };
  try {
    for (const restarted of [false, true]) {
      const { ledgers, channels } = open();
      try {
        if (restarted) {
          newChain.push(...continued(newChain, lastConfig).slice(-1));
          channels.openAll();
          channels.startAll();
        } else channels.join(channelId, goldenJoinBlock());
        await reach(channels, newChain.length);
      } finally {
        await channels.stopAll();
        ledgers.close();
      }
    }
    assert.deepEqual([...new Set(asked)], ["127.0.0.1:7050", later.address]);
  } finally {
    await earlier.close(0);
    await later.close(0);
    signer.close();
    orderer.close();
    provider.close?.();
  }
});
