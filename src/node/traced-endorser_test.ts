import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { ChannelHeaderSchema, HeaderSchema } from "../gen/common/common_pb.ts";
import { ChaincodeIDSchema } from "../gen/peer/chaincode_pb.ts";
import {
  ChaincodeHeaderExtensionSchema,
  ProposalSchema,
  type SignedProposal,
  SignedProposalSchema,
} from "../gen/peer/proposal_pb.ts";
import { ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import type { CallContext } from "../rpc/types.ts";
import { samplerOf } from "../telemetry/sampler.ts";
import type { Span } from "../telemetry/span.ts";
import { maxRememberedProposals, TracedEndorser } from "./traced-endorser.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";

function proposal(txId: string): SignedProposal {
  const extension = toBinary(
    ChaincodeHeaderExtensionSchema,
    create(ChaincodeHeaderExtensionSchema, {
      chaincodeId: create(ChaincodeIDSchema, { name: "asset" }),
    }),
  );
  const channelHeader = toBinary(
    ChannelHeaderSchema,
    create(ChannelHeaderSchema, { txId, channelId: "ch", extension }),
  );
  const header = toBinary(HeaderSchema, create(HeaderSchema, { channelHeader }));
  const proposalBytes = toBinary(ProposalSchema, create(ProposalSchema, { header }));
  return create(SignedProposalSchema, { proposalBytes });
}

function context(headers: Record<string, string> = {}): CallContext {
  return {
    method: "/protos.Endorser/ProcessProposal",
    remoteAddress: "10.0.0.1:1",
    clientCertificate: undefined,
    signal: new AbortController().signal,
    headers,
    deadline: undefined,
  };
}

/** An endorser that answers with this status, or throws. */
function traced(answer: number | Error) {
  const spans: Span[] = [];
  let now = 100;
  const endorser = new TracedEndorser({
    sampler: samplerOf("parentbased_always_on", 1),
    clock: { now: () => now += 5 },
    add: (span) => void spans.push(span),
  });
  const { processProposal } = endorser.around({
    processProposal: () => {
      if (answer instanceof Error) throw answer;
      return create(ProposalResponseSchema, { response: { status: answer, message: "told" } });
    },
  });
  assert(processProposal);
  return { endorser, spans, processProposal };
}

Deno.test("a proposal is a span in its client's trace, and launches find it by its transaction", async () => {
  const { endorser, spans, processProposal } = traced(200);
  const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01`, tracestate: "v=1" };
  await processProposal(proposal("tx1"), context(headers));
  const [span] = spans;
  assert.equal(span.context.traceId, traceId);
  assert.equal(span.context.traceState, "v=1");
  assert.equal(span.parentSpanId, "b7ad6b7169203331");
  assert.equal(span.error, undefined);
  assert.equal(span.endedAtMs - span.beganAtMs, 5);
  assert.equal(span.attributes["fabric.transaction.id"], "tx1");
  assert.equal(span.attributes["fabric.channel.id"], "ch");
  assert.equal(span.attributes["fabric.chaincode.name"], "asset");
  assert.deepEqual(endorser.spanOf("tx1"), span.context);
  assert.equal(endorser.spanOf("tx2"), undefined);
});

Deno.test("refusals and errors are the span's error, and go on to the caller", async () => {
  const refused = traced(500);
  await refused.processProposal(proposal("tx1"), context());
  assert.equal(refused.spans[0].error, "told");
  const failing = traced(new Error("access denied"));
  await assert.rejects(async () => {
    await failing.processProposal(create(SignedProposalSchema), context());
  }, /access denied/);
  assert.equal(failing.spans[0].error, "access denied");
  assert.equal(failing.spans[0].attributes["fabric.transaction.id"], undefined);
});

Deno.test("an unrecorded trace stays unrecorded, but its launches know whose it is", async () => {
  const { endorser, spans, processProposal } = traced(200);
  await processProposal(
    proposal("tx1"),
    context({ traceparent: `00-${traceId}-b7ad6b7169203331-00` }),
  );
  assert.deepEqual(spans, []);
  assert.equal(endorser.spanOf("tx1")?.sampled, false);
});

Deno.test("so many proposals are remembered, the oldest are forgotten", async () => {
  const { endorser, processProposal } = traced(200);
  for (let i = 0; i <= maxRememberedProposals; i++) {
    await processProposal(proposal(`tx${i}`), context());
  }
  assert.equal(endorser.spanOf("tx0"), undefined);
  assert(endorser.spanOf("tx1"));
});
