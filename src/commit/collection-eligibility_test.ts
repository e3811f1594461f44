import assert from "node:assert/strict";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { compilePolicyBytes } from "../validation/policy-compiler.ts";
import { goldenBlocks } from "../../tests/support/golden.ts";
import { delivered, openRecordedChannel } from "../../tests/support/recorded-channel.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { recordedSigner } from "../../tests/support/transactions.ts";
import { createCollectionEligibility } from "./collection-eligibility.ts";

Deno.test("a peer may hold the collections whose members include its organisation", async () => {
  using directory = temporaryDirectory();
  const blocks = goldenBlocks().map(delivered);
  using channel = openRecordedChannel(directory.path, blocks[0]);
  const provider = createEcdsaProvider();
  try {
    const of = (org: "org1" | "org2") => {
      const { serialized, close } = recordedSigner(org, "peer0", provider);
      close();
      return createCollectionEligibility({
        bundleSource: channel,
        ledger: channel.ledger,
        compilePolicy: compilePolicyBytes,
        self: serialized,
      });
    };
    assert.equal(of("org1")("assetcc", "both"), undefined);
    for (const block of blocks.slice(1, 4)) await channel.committer.commitBlock(block);
    assert.equal(of("org1")("assetcc", "both"), true);
    assert.equal(of("org1")("assetcc", "org1only"), true);
    assert.equal(of("org2")("assetcc", "both"), true);
    assert.equal(of("org2")("assetcc", "org1only"), false);
    assert.equal(of("org1")("assetcc", "nosuch"), undefined);
    assert.equal(of("org1")("nosuch", "both"), undefined);
  } finally {
    provider.close?.();
  }
});
