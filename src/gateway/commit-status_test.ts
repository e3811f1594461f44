import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import type { AclProvider } from "../channel/types.ts";
import {
  CommitStatusRequestSchema,
  SignedCommitStatusRequestSchema,
} from "../gen/gateway/gateway_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import { commitNext, simulate, testLedger } from "../../tests/support/test-ledger.ts";
import { channelId, failureOf, type TestGateway, withGateway } from "./gateway_testkit.ts";

function commitStatus(
  { gateway, context }: TestGateway,
  transactionId: string,
  { channel = channelId, signal = context.signal } = {},
) {
  const request = toBinary(
    CommitStatusRequestSchema,
    create(CommitStatusRequestSchema, {
      transactionId,
      channelId: channel,
      identity: utf8("client"),
    }),
  );
  return Promise.resolve(
    gateway.handlers.commitStatus?.(
      create(SignedCommitStatusRequestSchema, { request, signature: utf8("signature") }),
      { ...context, signal },
    ),
  ).then((response) => ({ code: response?.result, blockNumber: response?.blockNumber }));
}

const put = (key: string) => (simulator: Parameters<Parameters<typeof simulate>[1]>[0]) =>
  simulator.setState("cc", key, utf8("v"));

Deno.test("what is committed is told at once, valid or not", async () => {
  using own = testLedger();
  const { ledger } = own;
  const list = [simulate(ledger, put("a")), simulate(ledger, put("b"))];
  const { ENDORSEMENT_POLICY_FAILURE: failed, VALID } = TxValidationCode;
  const { number } = commitNext(ledger, list, { flags: Uint8Array.of(VALID, failed) });
  await withGateway({ ledger }, async (test) => {
    const blockNumber = BigInt(number);
    assert.deepEqual(await commitStatus(test, list[0].txId), { code: VALID, blockNumber });
    assert.deepEqual(await commitStatus(test, list[1].txId), { code: failed, blockNumber });
  });
});

Deno.test("what is not committed yet is waited for, by any number of callers", async () => {
  using own = testLedger();
  const { ledger } = own;
  await withGateway({ ledger }, async (test) => {
    const [one, other] = [simulate(ledger, put("a")), simulate(ledger, put("a"))];
    const calls = [one, one, other].map(({ txId }) => commitStatus(test, txId));
    await Promise.resolve();
    assert.equal(test.gateway.usage().waitingForCommit, 3);
    const { number } = commitNext(ledger, [one, other]);
    const outcomes = await Promise.all(calls);
    assert.ok(outcomes.every(({ blockNumber }) => blockNumber === BigInt(number)));
    assert.deepEqual(outcomes.map(({ code }) => code), [0, 0, 0]);
    assert.deepEqual(test.gateway.usage(), { calls: 0, waitingForCommit: 0 });
  });
});

Deno.test("a call that is cancelled leaves nothing behind, the others go on", async () => {
  using own = testLedger();
  const { ledger } = own;
  await withGateway({ ledger }, async (test) => {
    const simulated = simulate(ledger, put("a"));
    const gone = new AbortController();
    const cancelled = commitStatus(test, simulated.txId, { signal: gone.signal });
    const waiting = commitStatus(test, simulated.txId);
    await Promise.resolve();
    gone.abort(new RpcError(GrpcStatus.CANCELLED, "context canceled"));
    assert.equal((await failureOf(cancelled)).status, "CANCELLED");
    assert.deepEqual(test.gateway.usage(), { calls: 1, waitingForCommit: 1 });
    commitNext(ledger, [simulated]);
    assert.equal((await waiting).code, TxValidationCode.VALID);
    const late = commitStatus(test, "never", { signal: gone.signal });
    assert.equal((await failureOf(late)).status, "CANCELLED");
    assert.equal(test.gateway.usage().waitingForCommit, 0);
  });
});

Deno.test("a peer that stops ends the waiting", async () => {
  using own = testLedger();
  const { ledger } = own;
  await withGateway({ ledger }, async (test) => {
    const waiting = failureOf(commitStatus(test, "never"));
    await Promise.resolve();
    await test.gateway.close();
    assert.equal((await waiting).status, "UNAVAILABLE");
    assert.equal((await failureOf(commitStatus(test, "never"))).status, "UNAVAILABLE");
  });
});

Deno.test("requests that are empty, broken, not permitted or for another channel", async () => {
  await withGateway({}, async (test) => {
    const send = (request: Uint8Array) =>
      failureOf(
        test.gateway.handlers.commitStatus?.(
          create(SignedCommitStatusRequestSchema, { request }),
          test.context,
        ),
      );
    assert.deepEqual(await send(new Uint8Array()), {
      status: "INVALID_ARGUMENT",
      message: "a commit status request is required",
      details: [],
    });
    const broken = await send(Uint8Array.of(0xff));
    assert.equal(broken.status, "INVALID_ARGUMENT");
    assert.match(broken.message, /^invalid status request: /);
    const other = await failureOf(commitStatus(test, "tx", { channel: "other" }));
    assert.equal(other.status, "ABORTED");
    assert.equal(other.message, "channel does not exist: other");
  });
  const asked: unknown[] = [];
  const acl: AclProvider = {
    check: (resource, id, { identity, signature }) => {
      asked.push([resource, id, identity, signature]);
      throw new DenimError("access-denied", "you may not");
    },
  };
  await withGateway({ dependencies: { acl } }, async (test) => {
    assert.deepEqual(await failureOf(commitStatus(test, "tx")), {
      status: "PERMISSION_DENIED",
      message: "you may not",
      details: [],
    });
    assert.deepEqual(asked, [
      ["gateway/CommitStatus", channelId, utf8("client"), utf8("signature")],
    ]);
  });
});

Deno.test("calls that wait count against peer.limits.concurrency.gatewayService", async () => {
  const dependencies = { maxConcurrentCalls: 2 };
  await withGateway({ dependencies }, async (test) => {
    const waiting = [failureOf(commitStatus(test, "a")), failureOf(commitStatus(test, "b"))];
    assert.deepEqual(await failureOf(commitStatus(test, "c")), {
      status: "UNKNOWN",
      message: "too many requests for /gateway.Gateway, exceeding concurrency limit (2)",
      details: [],
    });
    test.cancel.abort(new RpcError(GrpcStatus.CANCELLED, "context canceled"));
    await Promise.all(waiting);
    assert.equal(test.gateway.usage().calls, 0);
  });
});
