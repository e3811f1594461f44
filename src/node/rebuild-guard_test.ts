import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { silentLogger } from "../base/logger.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { preResetHeights, recordPreResetHeight } from "../ledger/pre-reset-height.ts";
import type { CallContext } from "../rpc/types.ts";
import { commitOne, testLedger } from "../../tests/support/test-ledger.ts";
import { join } from "node:path";
import { mkdirSync, writeFileSync } from "node:fs";
import { guardWhileRebuilding } from "./rebuild-guard.ts";

const answered = create(ProposalResponseSchema, { response: { status: 200 } });
const endorser = { processProposal: () => Promise.resolve(answered) };
const context = {} as CallContext;
const ask = async (guarded: ReturnType<typeof guardWhileRebuilding>) =>
  await guarded.processProposal?.(create(SignedProposalSchema), context);

Deno.test("endorsements are refused until the channel is as high as before its reset", async () => {
  using test = testLedger();
  recordPreResetHeight(join(test.directory, "mychannel"), 3);
  const guarded = guardWhileRebuilding(endorser, {
    directory: test.directory,
    ledger: (channelId) => channelId === "mychannel" ? test.ledger : undefined,
    logger: silentLogger,
  });
  for (let height = 1; height < 3; height++) {
    await assert.rejects(ask(guarded), {
      message: "endorse requests are blocked while ledgers are being rebuilt",
    });
    assert.equal(preResetHeights(test.directory).size, 1);
    commitOne(test.ledger, (simulator) => simulator.setState("cc", "key", new Uint8Array(1)));
  }
  assert.equal(await ask(guarded), answered);
  assert.equal(preResetHeights(test.directory).size, 0);
});

Deno.test("a channel that cannot be opened or is high enough keeps nobody waiting", async () => {
  using test = testLedger();
  recordPreResetHeight(join(test.directory, "mychannel"), 1);
  mkdirSync(join(test.directory, "damaged"));
  recordPreResetHeight(join(test.directory, "damaged"), 100);
  recordPreResetHeight(join(test.directory, "damaged"), 50);
  assert.deepEqual(Object.fromEntries(preResetHeights(test.directory)), {
    damaged: 100,
    mychannel: 1,
  });
  const guarded = guardWhileRebuilding(endorser, {
    directory: test.directory,
    ledger: (channelId) => channelId === "mychannel" ? test.ledger : undefined,
    logger: silentLogger,
  });
  assert.equal(await ask(guarded), answered);
});

Deno.test("a height that is no number is reported with its file", () => {
  using test = testLedger();
  writeFileSync(join(test.directory, "mychannel", "__preResetHeight"), "many");
  assert.throws(
    () =>
      guardWhileRebuilding(endorser, {
        directory: test.directory,
        ledger: () => test.ledger,
        logger: silentLogger,
      }),
    /error loading prereset height: .*__preResetHeight holds no number/,
  );
});
