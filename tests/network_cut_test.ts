/** The network between a peer and its orderer is cut, and mended. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sleep } from "../src/base/async.ts";
import { type Logger, silentLogger } from "../src/base/logger.ts";
import { systemClock } from "../src/base/clock.ts";
import { verifyBlock } from "../src/channel/block-verifier.ts";
import { createDeliverClient } from "../src/commit/deliver-client.ts";
import { createEcdsaProvider } from "../src/crypto/provider.ts";
import { createRpcClient } from "../src/rpc/client.ts";
import { goldenBlocks } from "./support/golden.ts";
import { NetworkNamespace, noNamespaces } from "./support/network-namespace.ts";
import { delivered, openRecordedChannel } from "./support/recorded-channel.ts";
import { temporaryDirectory } from "./support/temporary.ts";
import { recordedSigner } from "./support/transactions.ts";
import { until } from "./support/until.ts";

const madeBlocks = 50;
const height = 11 + madeBlocks;
const keepalive = { keepaliveIntervalMs: 500, keepaliveTimeoutMs: 1_000 };

const tlsRoot = readFileSync(
  fileURLToPath(
    new URL(
      "./testdata/golden/crypto-config/ordererOrganizations/example.com/tlsca/tlsca.example.com-cert.pem",
      import.meta.url,
    ),
  ),
  "utf8",
);

const reason = noNamespaces();
if (reason !== undefined) console.log(`# network_cut_test is skipped: ${reason}`);

Deno.test({
  name: "a peer notices that its orderer is cut off, says so once, and catches up when it is back",
  ignore: reason !== undefined,
  async fn() {
    using far = new NetworkNamespace();
    using directory = temporaryDirectory();
    using channel = openRecordedChannel(directory.path, delivered(goldenBlocks()[0]));
    const { program, args } = far.command(Deno.execPath(), [
      ...["run", "-A", "--no-check"],
      fileURLToPath(new URL("support/serving-orderer.ts", import.meta.url)),
      ...[`${far.address}:0`, `${madeBlocks}`, "100"],
    ]);
    const orderer = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const provider = createEcdsaProvider();
    const signer = recordedSigner("org1", "peer0", provider);
    const warnings: string[] = [];
    const logger: Logger = {
      ...silentLogger,
      warn: (message, facts) => warnings.push(`${message}: ${facts?.reason}`),
    };
    try {
      const reader = orderer.stdout.getReader();
      const address = new TextDecoder().decode((await reader.read()).value).trim();
      await reader.cancel();
      const client = createDeliverClient({
        channelId: "mychannel",
        addresses: () => [address],
        connect: () =>
          createRpcClient({
            address,
            tls: { rootCertificates: [tlsRoot], serverNameOverride: "orderer.example.com" },
            connectTimeoutMs: 1_000,
            limits: keepalive,
          }),
        signer,
        nextBlock: () => channel.ledger.info().height,
        verifyBlock: (block, tip) => {
          const { height, currentBlockHash } = tip ?? channel.ledger.info();
          verifyBlock(block, {
            bundle: channel.bundle(),
            expectedNumber: BigInt(height),
            expectedPreviousHash: currentBlockHash,
          });
        },
        onBlock: (block) => channel.committer.commitBlock(block),
        reconnect: { maxBackoffMs: 500 },
        clock: systemClock,
        logger,
      });
      const now = () => channel.ledger.info().height;
      client.start();
      try {
        await until("first blocks", () => now() >= 15, 60_000);
        far.cut();
        await until("the loss is noticed", () => client.address === undefined, 20_000);
        const before = now();
        assert.ok(before < height, "everything was there before the cut");
        // Long enough for several tries.
        await sleep(2_000);
        assert.equal(now(), before);
        far.heal();
        await until("all blocks after the mending", () => now() === height, 60_000);
      } finally {
        await client.stop();
      }
      assert.match(warnings[0], /keepalive ping was not answered/);
      const reasons = new Set(warnings.map((line) => line.replace(/.*: /, "")));
      assert.equal(reasons.size, warnings.length, warnings.join("\n"));
    } finally {
      orderer.kill("SIGKILL");
      await orderer.status;
      signer.close();
      provider.close?.();
    }
  },
});
