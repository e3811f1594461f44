import assert from "node:assert/strict";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { silentLogger } from "../base/logger.ts";
import { LogSpec } from "../base/log-spec.ts";
import { LogWriter } from "../base/log-writer.ts";
import {
  ChannelHeaderSchema,
  type Envelope,
  EnvelopeSchema,
  HeaderType,
  PayloadSchema,
  SignatureHeaderSchema,
} from "../gen/common/common_pb.ts";
import { AdminOperationSchema } from "../gen/peer/admin_pb.ts";
import type { CallContext } from "../rpc/types.ts";
import { maxTimeDifferenceMs } from "./admin-authority.ts";
import { createAdminService } from "./admin-service.ts";

const nowMs = 1_700_000_000_000;
const context = { remoteAddress: "1.2.3.4:5" } as CallContext;
const truncated = Uint8Array.of(0xff, 0xff, 0xff);

interface Request {
  readonly type?: HeaderType;
  readonly timeMs?: number | null;
  readonly header?: null;
  readonly channelHeader?: Uint8Array;
  readonly signatureHeader?: Uint8Array;
  readonly data?: Uint8Array;
  readonly payload?: Uint8Array;
  readonly operation?: MessageInitShape<typeof AdminOperationSchema>;
}

function envelope(request: Request = {}): Envelope {
  const { type = HeaderType.PEER_ADMIN_OPERATION, timeMs = nowMs, operation = {} } = request;
  const timestamp = timeMs === null
    ? undefined
    : { seconds: BigInt(Math.floor(timeMs / 1000)), nanos: (timeMs % 1000) * 1e6 };
  const data = request.data ??
    toBinary(AdminOperationSchema, create(AdminOperationSchema, operation));
  const channelHeader = request.channelHeader ??
    toBinary(ChannelHeaderSchema, create(ChannelHeaderSchema, { type, timestamp }));
  const signatureHeader = request.signatureHeader ??
    toBinary(SignatureHeaderSchema, create(SignatureHeaderSchema, { creator: utf8("admin") }));
  const header = request.header === null ? undefined : { channelHeader, signatureHeader };
  const payload = request.payload ??
    toBinary(PayloadSchema, create(PayloadSchema, { header, data }));
  return create(EnvelopeSchema, { payload, signature: utf8("signature") });
}

function service(evaluate: () => void = () => {}) {
  const log = new LogWriter({
    write() {},
    clock: { now: () => nowMs },
    spec: LogSpec.parse("info"),
    coloured: false,
  });
  const handlers = createAdminService({
    policy: { evaluate, evaluateIdentities() {} },
    clock: { now: () => nowMs },
    logger: silentLogger,
    log,
  });
  const call = async (method: keyof typeof handlers, request?: Request) =>
    // Each handler takes the same request; what it answers differs.
    await (handlers[method] as (request: Envelope, context: CallContext) => unknown)(
      envelope(request),
      context,
    ) as Record<string, unknown>;
  return { log, call };
}

const logReq = (logModule: string, logLevel = "") => ({
  operation: { content: { case: "logReq" as const, value: { logModule, logLevel } } },
});
const logSpecReq = (logSpec: string) => ({
  operation: { content: { case: "logSpecReq" as const, value: { logSpec } } },
});

Deno.test("status and start say STARTED", async () => {
  const { call } = service();
  assert.equal((await call("getStatus")).status, 1);
  assert.equal((await call("startServer")).status, 1);
});

Deno.test("levels and the whole specification are read, set and reverted", async () => {
  const { call, log } = service();
  const level = async (name: string) => (await call("getModuleLogLevel", logReq(name))).logLevel;
  assert.equal(await level("gossip"), "INFO");
  const set = await call("setModuleLogLevel", logReq("gossip", "debug"));
  assert.deepEqual([set.logModule, set.logLevel], ["gossip", "DEBUG"]);
  assert.equal(await level("gossip.comm"), "DEBUG");
  await call("setModuleLogLevel", logReq("lscc", "PANIC"));
  assert.equal(await level("lscc"), "PANIC");
  assert.equal((await call("getLogSpec")).logSpec, "gossip=debug:lscc=panic:info");
  assert.equal((await call("setLogSpec", logSpecReq("error"))).error, "");
  assert.equal(log.spec.text, "error");
  await call("revertLogLevels");
  assert.equal(log.spec.text, "info");
});

Deno.test("what is no specification is refused, in the answer or as an invalid argument", async () => {
  const { call, log } = service();
  await assert.rejects(call("setModuleLogLevel", logReq("a", "loud")), {
    code: "rpc-invalid-argument",
    message: "error setting log spec to 'info:a=loud': " +
      "invalid logging specification 'info:a=loud': bad segment 'a=loud'",
  });
  const answer = await call("setLogSpec", logSpecReq("a=b=c"));
  assert.deepEqual([answer.logSpec, answer.error], [
    "a=b=c",
    "invalid logging specification 'a=b=c': bad segment 'a=b=c'",
  ]);
  assert.equal(log.spec.text, "info");
  for (const method of ["getModuleLogLevel", "setModuleLogLevel", "setLogSpec"] as const) {
    await assert.rejects(call(method), { message: "request is nil" });
  }
  await assert.rejects(call("setLogSpec", logReq("a")), { message: "request is nil" });
});

Deno.test("malformed requests are told apart with Fabric's words, whoever sends them", async () => {
  const { call } = service(() => {
    throw new DenimError("policy-not-satisfied", "no administrator");
  });
  const cases: [Request, string][] = [
    [{ payload: new Uint8Array() }, "bad request: envelope must have a Header"],
    [{ header: null }, "bad request: envelope must have a Header"],
    [{ payload: truncated }, "bad request: error unmarshaling Payload: unexpected EOF"],
    [{ channelHeader: truncated }, "bad request: error unmarshaling ChannelHeader: unexpected EOF"],
    [
      { type: HeaderType.CONFIG },
      "bad request: invalid type CONFIG, expected PEER_ADMIN_OPERATION",
    ],
    [
      { type: 99 as HeaderType },
      "bad request: invalid type 99, expected PEER_ADMIN_OPERATION",
    ],
    [
      { data: truncated },
      "bad request: error unmarshaling message for type PEER_ADMIN_OPERATION: unexpected EOF",
    ],
    [{ timeMs: null }, "empty timestamp"],
    [
      { signatureHeader: truncated },
      "bad request, cannot extract signed data: GetSignatureHeaderFromBytes failed, err unexpected EOF",
    ],
  ];
  for (const [request, message] of cases) {
    await assert.rejects(call("getStatus", request), { message });
  }
});

Deno.test("requests of others, and those not of now, are denied", async () => {
  const denied = { code: "access-denied", message: "access denied" };
  const { call } = service(() => {
    throw new DenimError("policy-not-satisfied", "no administrator");
  });
  await assert.rejects(call("getStatus"), denied);
  const { call: callAsAdmin } = service();
  const at = (timeMs: number) => callAsAdmin("getStatus", { timeMs });
  await assert.rejects(at(nowMs - maxTimeDifferenceMs - 1), denied);
  await assert.rejects(at(nowMs + maxTimeDifferenceMs + 1), denied);
  assert.equal((await at(nowMs - maxTimeDifferenceMs)).status, 1);
  assert.equal((await at(nowMs + maxTimeDifferenceMs)).status, 1);
});
