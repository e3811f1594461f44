import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { until } from "../../tests/support/until.ts";
import { Deferred } from "../base/async.ts";
import { text, utf8 } from "../base/bytes.ts";
import { silentLogger } from "../base/logger.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { createRpcClient } from "../rpc/client.ts";
import { createRpcServer } from "../rpc/server.ts";
import { Connections, maxConnections } from "./connections.ts";

const { processProposal } = Endorser.method;
const signed = create(SignedProposalSchema);

Deno.test("a call goes on when its connection is the one used longest ago; idle ones make room", async () => {
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
  const [asked, answer] = [new Deferred<void>(), new Deferred<void>()];
  server.register(Endorser, {
    processProposal: async () => {
      asked.resolve();
      await answer.promise;
      return create(ProposalResponseSchema, { payload: utf8("late") });
    },
  });
  const connections = new Connections((address) => createRpcClient({ address }));
  const to = (root: number) => connections.to(server.address, [String(root)]);
  try {
    const busy = to(0);
    const stream = to(1);
    const calling = busy.unary(processProposal, signed);
    const streaming = stream.stream(processProposal);
    await streaming.send(signed);
    streaming.closeSend();
    await asked.promise;
    const idle = to(2);
    for (let root = 3; root < maxConnections; root++) to(root);
    assert.equal(to(2), idle);
    for (let root = 0; root < maxConnections; root++) to(1_000 + root);
    await assert.rejects(idle.unary(processProposal, signed), /the client was closed/);
    answer.resolve();
    assert.equal(text((await calling).payload), "late");
    for await (const { payload } of streaming.responses) assert.equal(text(payload), "late");
    await until("both are idle", () => busy.idle && stream.idle);
    for (let root = 0; root < maxConnections; root++) to(2_000 + root);
    await assert.rejects(busy.unary(processProposal, signed), /closed/);
  } finally {
    await connections.close();
    await server.close(0);
  }
});
