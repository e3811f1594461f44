/**
 * Every field of every request missing, broken, huge or hostile, over a real connection to a gateway
 * on the recorded peer (CVE-2022-36023 and its kin): a status, and the next call works.
 */
import assert from "node:assert/strict";
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { emptyBytes, utf8 } from "../base/bytes.ts";
import { HeaderSchema } from "../gen/common/common_pb.ts";
import {
  ChaincodeEventsRequestSchema,
  EndorseRequestSchema,
  EvaluateRequestSchema,
  SignedChaincodeEventsRequestSchema,
  SubmitRequestSchema,
} from "../gen/gateway/gateway_pb.ts";
import { ChaincodeProposalPayloadSchema, ProposalSchema } from "../gen/peer/proposal_pb.ts";
import { GrpcStatus } from "../rpc/status.ts";
import { goldenChannel, goldenProposal } from "../../tests/support/golden-peer.ts";
import { mutate, mutations } from "../../tests/support/mutations.ts";
import { type Method, methods, requests, withWorld, type World } from "./hostile_testkit.ts";

async function assertAlive({ send, user }: World): Promise<void> {
  const good = requests(user);
  assert.equal(await send("evaluate", good.evaluate), GrpcStatus.OK);
}

Deno.test("correct requests are served, unknown transactions waited for", async () => {
  await withWorld(async ({ send, user }) => {
    const good = requests(user);
    const expected: Record<Method, GrpcStatus> = {
      evaluate: GrpcStatus.OK,
      endorse: GrpcStatus.OK,
      submit: GrpcStatus.OK,
      commitStatus: GrpcStatus.DEADLINE_EXCEEDED,
      chaincodeEvents: GrpcStatus.OK,
    };
    for (const method of methods) {
      const waitMs = method === "chaincodeEvents" ? 20_000 : undefined;
      assert.equal(await send(method, good[method], waitMs), expected[method], method);
    }
  });
});

/** Every message that leaves one field out, at any depth; parts in bytes fields are opened. */
function* withoutOneField(bytes: Uint8Array): Generator<Uint8Array> {
  for (const [start, end] of fieldsOf(bytes) ?? []) {
    yield Uint8Array.from([...bytes.subarray(0, start), ...bytes.subarray(end)]);
  }
  for (const { head, content, tail } of nestedFieldsOf(bytes)) {
    for (const smaller of withoutOneField(content)) {
      yield Uint8Array.from([...head, ...lengthPrefix(smaller), ...tail]);
    }
  }
}

function lengthPrefix(bytes: Uint8Array): number[] {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest >= 0x80; rest >>>= 7) length.push(rest & 0x7f | 0x80);
  return [...length, rest, ...bytes];
}

function varint(bytes: Uint8Array, at: number): [value: number, next: number] | undefined {
  let value = 0;
  for (let i = at, shift = 0; i < bytes.length && shift < 35; i++, shift += 7) {
    value += (bytes[i] & 0x7f) * 2 ** shift;
    if (bytes[i] < 0x80) return [value, i + 1];
  }
  return undefined;
}

/** Where the fields of what may be a message begin and end; undefined where it is none. */
function fieldsOf(bytes: Uint8Array): [start: number, end: number, content?: number][] | undefined {
  const fields: [number, number, number?][] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = varint(bytes, at);
    if (!tag || tag[0] >>> 3 === 0) return undefined;
    const kind = tag[0] & 7;
    const value = kind === 0 || kind === 2 ? varint(bytes, tag[1]) : undefined;
    if (!value) return undefined;
    const end = kind === 2 ? value[1] + value[0] : value[1];
    if (end > bytes.length) return undefined;
    fields.push([at, end, kind === 2 ? value[1] : undefined]);
    at = end;
  }
  return fields;
}

function* nestedFieldsOf(bytes: Uint8Array) {
  for (const [start, end, content] of fieldsOf(bytes) ?? []) {
    if (content === undefined) continue;
    const tagEnd = varint(bytes, start)?.[1] ?? start;
    yield {
      head: bytes.subarray(0, tagEnd),
      content: bytes.subarray(content, end),
      tail: bytes.subarray(end),
    };
  }
}

/** Internal errors are ours; a client must never see one, but for bytes that are no message at all. */
function assertProper(status: GrpcStatus, what: string): void {
  assert.ok(GrpcStatus[status] !== undefined, `${what}: ${status}`);
}

Deno.test("each field left out, at every depth: a proper status", async () => {
  await withWorld(async (world) => {
    const good = requests(world.user);
    for (const method of methods) {
      let tried = 0;
      for (const bytes of withoutOneField(good[method])) {
        if (++tried > 150) break; // the depths of certificates are no fields
        const status = await world.send(method, bytes);
        assertProper(status, method);
        assert.notEqual(status, GrpcStatus.INTERNAL, `${method} without field ${tried}`);
      }
      assert.ok(tried > 3, `${method}: only ${tried}`);
    }
    await assertAlive(world);
  });
});

Deno.test("signed proposals whose parts are missing or nonsense are refused, not crashed on", async () => {
  await withWorld(async (world) => {
    const { user, send } = world;
    const { signed } = goldenProposal(user, goldenChannel, "assetcc", ["get", "p1"]);
    const proposal = fromBinary(ProposalSchema, signed.proposalBytes);
    const header = fromBinary(HeaderSchema, proposal.header);
    const nonsense = [emptyBytes, Uint8Array.of(0), Uint8Array.of(0xff), new Uint8Array(3_000_000)];
    const variants = nonsense.flatMap((bytes) => [
      { ...proposal, header: bytes },
      { ...proposal, payload: bytes },
      {
        ...proposal,
        payload: toBinary(
          ChaincodeProposalPayloadSchema,
          create(ChaincodeProposalPayloadSchema, { input: bytes }),
        ),
      },
      {
        ...proposal,
        header: toBinary(HeaderSchema, create(HeaderSchema, { ...header, channelHeader: bytes })),
      },
      {
        ...proposal,
        header: toBinary(HeaderSchema, create(HeaderSchema, { ...header, signatureHeader: bytes })),
      },
    ]);
    for (const variant of variants) {
      const proposalBytes = toBinary(ProposalSchema, create(ProposalSchema, variant));
      const proposedTransaction = { proposalBytes, signature: user.sign(proposalBytes) };
      const requests = [
        ["evaluate", EvaluateRequestSchema],
        ["endorse", EndorseRequestSchema],
      ] as const;
      for (const [method, schema] of requests) {
        const request = create(schema, { proposedTransaction }) as never;
        const status = await send(method, toBinary(schema as DescMessage, request));
        assert.ok(
          [
            GrpcStatus.INVALID_ARGUMENT,
            GrpcStatus.FAILED_PRECONDITION,
            GrpcStatus.ABORTED,
            GrpcStatus.UNAVAILABLE,
          ].includes(status),
          `${method}: ${GrpcStatus[status]}`,
        );
      }
    }
    await assertAlive(world);
  });
});

Deno.test("mutated requests of every kind: a status each, and the peer lives", async () => {
  await withWorld(async (world) => {
    const good = requests(world.user);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...methods), mutations, async (method, changes) => {
        assertProper(await world.send(method, mutate(good[method], changes)), method);
      }),
      { numRuns: 300 },
    );
    await assertAlive(world);
  });
});

Deno.test("huge names, lists and numbers", async () => {
  await withWorld(async (world) => {
    const { send, user } = world;
    const huge = "x".repeat(2_000_000);
    const evaluate = fromBinary(EvaluateRequestSchema, requests(user).evaluate);
    const endorse = fromBinary(EndorseRequestSchema, requests(user).endorse);
    const many = Array.from({ length: 50_000 }, (_, i) => `Org${i + 2}MSP`);
    const cases: [Method, Uint8Array, GrpcStatus][] = [
      [
        "evaluate",
        toBinary(EvaluateRequestSchema, { ...evaluate, targetOrganizations: [huge] }),
        GrpcStatus.FAILED_PRECONDITION,
      ],
      [
        "evaluate",
        toBinary(EvaluateRequestSchema, { ...evaluate, targetOrganizations: many }),
        GrpcStatus.FAILED_PRECONDITION,
      ],
      [
        "endorse",
        toBinary(EndorseRequestSchema, { ...endorse, endorsingOrganizations: many }),
        GrpcStatus.UNAVAILABLE,
      ],
      [
        "submit",
        toBinary(
          SubmitRequestSchema,
          create(SubmitRequestSchema, {
            channelId: huge,
            preparedTransaction: { signature: utf8("s") },
          }),
        ),
        GrpcStatus.FAILED_PRECONDITION,
      ],
    ];
    const { request } = fromBinary(
      SignedChaincodeEventsRequestSchema,
      requests(user).chaincodeEvents,
    );
    const events = fromBinary(ChaincodeEventsRequestSchema, request);
    for (const number of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
      const far = toBinary(ChaincodeEventsRequestSchema, {
        ...events,
        startPosition: {
          $typeName: "orderer.SeekPosition",
          Type: { case: "specified", value: { $typeName: "orderer.SeekSpecified", number } },
        },
      });
      cases.push([
        "chaincodeEvents",
        toBinary(
          SignedChaincodeEventsRequestSchema,
          create(SignedChaincodeEventsRequestSchema, { request: far, signature: user.sign(far) }),
        ),
        GrpcStatus.DEADLINE_EXCEEDED,
      ]);
    }
    for (const [method, bytes, expected] of cases) {
      assert.equal(GrpcStatus[await send(method, bytes)], GrpcStatus[expected], method);
    }
    await assertAlive(world);
  });
});
