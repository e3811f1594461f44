import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { text, utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import {
  ChaincodeEventsRequestSchema,
  type ChaincodeEventsResponse,
  SignedChaincodeEventsRequestSchema,
} from "../gen/gateway/gateway_pb.ts";
import { type SeekPosition, SeekPositionSchema } from "../gen/orderer/ab_pb.ts";
import { ChaincodeEventSchema } from "../gen/peer/chaincode_event_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import type { PeerLedger } from "../ledger/types.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import { commitNext, simulate, testLedger } from "../../tests/support/test-ledger.ts";
import { channelId, failureOf, type TestGateway, withGateway } from "./gateway_testkit.ts";

/** A transaction with an event of this name, ready to be committed; its payload is the name again. */
function withEvent(ledger: PeerLedger, eventName: string, chaincodeId = "cc") {
  const simulated = simulate(ledger, (state) => state.setState(chaincodeId, eventName, utf8("v")));
  const event = { chaincodeId, txId: simulated.txId, eventName, payload: utf8(eventName) };
  return {
    ...simulated,
    events: toBinary(ChaincodeEventSchema, create(ChaincodeEventSchema, event)),
  };
}

/** Commits one block with an event of each name; gives the transaction ids. */
function commitEvents(ledger: PeerLedger, ...names: string[]): string[] {
  const list = names.map((name) => withEvent(ledger, name));
  commitNext(ledger, list);
  return list.map(({ txId }) => txId);
}

type Start = SeekPosition["Type"];
const from = (number: number | bigint): Start => ({
  case: "specified",
  value: { $typeName: "orderer.SeekSpecified", number: BigInt(number) },
});

interface Wanted {
  readonly start?: Start;
  readonly after?: string;
  readonly chaincodeId?: string;
  readonly channel?: string;
}

function listen(
  { gateway, context }: TestGateway,
  { start, after = "", chaincodeId = "cc", channel = channelId }: Wanted = {},
): AsyncIterator<ChaincodeEventsResponse> {
  const request = create(ChaincodeEventsRequestSchema, {
    channelId: channel,
    chaincodeId,
    identity: utf8("client"),
    startPosition: start && create(SeekPositionSchema, { Type: start }),
    afterTransactionId: after,
  });
  const signed = create(SignedChaincodeEventsRequestSchema, {
    request: toBinary(ChaincodeEventsRequestSchema, request),
  });
  const stream = gateway.handlers.chaincodeEvents?.(signed, context);
  if (!stream) throw new Error("there is no stream");
  return stream[Symbol.asyncIterator]();
}

/** `block: names` of the next response. */
async function next(stream: AsyncIterator<ChaincodeEventsResponse>): Promise<string> {
  const { value, done } = await stream.next();
  if (done) throw new Error("the stream has ended");
  const { blockNumber, events } = value as ChaincodeEventsResponse;
  for (const { eventName, payload } of events) assert.equal(text(payload), eventName);
  return `${blockNumber}: ${events.map(({ eventName }) => eventName).join(" ")}`;
}

/** A ledger whose blocks 1 to 3 have events, and a gateway over it. */
async function withEvents(
  run: (test: TestGateway, ledger: PeerLedger, txIds: readonly string[]) => Promise<void>,
): Promise<void> {
  using own = testLedger();
  const { ledger } = own;
  const txIds = [
    ...commitEvents(ledger, "a", "b"),
    ...commitEvents(ledger, "c"),
    ...commitEvents(ledger, "d", "e", "f"),
  ];
  await withGateway({ ledger }, (test) => run(test, ledger, txIds));
}

Deno.test("without a position only what is committed from now on", async () => {
  await withEvents(async (test, ledger) => {
    for (const start of [undefined, { case: undefined }, nextCommit] as const) {
      const stream = listen(test, { start });
      const first = next(stream);
      await Promise.resolve();
      const height = ledger.info().height;
      commitEvents(ledger, "new");
      assert.equal(await first, `${height}: new`);
      await stream.return?.();
    }
  });
});

const nextCommit: Start = {
  case: "nextCommit",
  value: { $typeName: "orderer.SeekNextCommit" },
};

Deno.test("from a block on, in the order of the blocks and of their transactions", async () => {
  await withEvents(async (test, ledger) => {
    const stream = listen(test, { start: from(1) });
    assert.equal(await next(stream), "1: a b");
    assert.equal(await next(stream), "2: c");
    assert.equal(await next(stream), "3: d e f");
    const later = next(stream);
    commitEvents(ledger, "g");
    assert.equal(await later, "4: g");
    await stream.return?.();
  });
});

Deno.test("a block that is not there yet is waited for", async () => {
  await withEvents(async (test, ledger) => {
    const stream = listen(test, { start: from(5) });
    const first = next(stream);
    commitEvents(ledger, "not this");
    commitEvents(ledger, "this");
    assert.equal(await first, "5: this");
    await stream.return?.();
    const never = listen(test, { start: from(2n ** 64n - 1n) });
    const ended = failureOf(never.next());
    test.cancel.abort(new RpcError(GrpcStatus.CANCELLED, "context canceled"));
    assert.equal((await ended).status, "CANCELLED");
  });
});

Deno.test("after a transaction: the rest of its block, and what follows", async () => {
  await withEvents(async (test, _ledger, [a, b, , d]) => {
    for (
      const [after, ...expected] of [
        [a, "1: b", "2: c"],
        [b, "2: c", "3: d e f"],
        [d, "3: e f"],
      ]
    ) {
      // The position does not count where the transaction is known.
      const stream = listen(test, { after, start: from(0) });
      for (const one of expected) assert.equal(await next(stream), one);
      await stream.return?.();
    }
  });
});

Deno.test("after a transaction without events of its own, or that is not valid", async () => {
  using own = testLedger();
  const { ledger } = own;
  const silent = simulate(ledger, (state) => state.setState("cc", "k", utf8("v")));
  const invalid = withEvent(ledger, "invalid");
  const list = [withEvent(ledger, "a"), silent, withEvent(ledger, "b"), invalid];
  const { VALID, MVCC_READ_CONFLICT } = TxValidationCode;
  commitNext(ledger, [...list, withEvent(ledger, "c")], {
    flags: Uint8Array.of(VALID, VALID, VALID, MVCC_READ_CONFLICT, VALID),
  });
  await withGateway({ ledger }, async (test) => {
    const first = async (after: string) => {
      const stream = listen(test, { after });
      const response = await next(stream);
      await stream.return?.();
      return response;
    };
    assert.equal(await first(silent.txId), "1: b c");
    assert.equal(await first(invalid.txId), "1: c");
  });
});

Deno.test("after a transaction that the ledger does not have: from the position on, once it comes", async () => {
  await withEvents(async (test, ledger) => {
    const stream = listen(test, { after: "unknown", start: from(1) });
    const first = next(stream);
    commitNext(ledger, [
      withEvent(ledger, "before"),
      { ...withEvent(ledger, "itself"), txId: "unknown" },
      withEvent(ledger, "after"),
    ]);
    assert.equal(await first, "4: after");
    await stream.return?.();
  });
});

Deno.test("events of other chaincodes and what is no transaction are left out", async () => {
  using own = testLedger();
  const { ledger } = own;
  const broken = { ...withEvent(ledger, "x"), events: Uint8Array.of(0xff) };
  const nameless = withEvent(ledger, "");
  commitNext(ledger, [withEvent(ledger, "theirs", "other"), broken, nameless]);
  commitNext(ledger, [withEvent(ledger, "theirs", "other"), withEvent(ledger, "ours")]);
  await withGateway({ ledger }, async (test) => {
    const ours = listen(test, { start: from(0) });
    assert.equal(await next(ours), "2: ours");
    await ours.return?.();
    const theirs = listen(test, { start: from(0), chaincodeId: "other" });
    assert.equal(await next(theirs), "1: theirs");
    await theirs.return?.();
  });
});

Deno.test("streams end with their call and with the peer, and leave nothing behind", async () => {
  await withEvents(async (test) => {
    const streams = Array.from({ length: 50 }, () => listen(test));
    const ended = streams.map((stream) => failureOf(stream.next()));
    await Promise.resolve();
    assert.equal(test.gateway.usage().calls, 50);
    test.cancel.abort(new RpcError(GrpcStatus.CANCELLED, "context canceled"));
    for (const one of await Promise.all(ended)) assert.equal(one.status, "CANCELLED");
    assert.equal(test.gateway.usage().calls, 0);
  });
  await withEvents(async (test) => {
    const ended = failureOf(listen(test).next());
    await Promise.resolve();
    await test.gateway.close();
    assert.equal((await ended).status, "UNAVAILABLE");
    assert.equal((await failureOf(listen(test).next())).status, "UNAVAILABLE");
  });
});

Deno.test("requests that are empty, broken, not permitted, for another channel or position", async () => {
  await withEvents(async (test) => {
    const send = (request: Uint8Array) => {
      const signed = create(SignedChaincodeEventsRequestSchema, { request });
      const stream = test.gateway.handlers.chaincodeEvents?.(signed, test.context);
      return failureOf(stream?.[Symbol.asyncIterator]().next());
    };
    const { status, message } = await send(new Uint8Array());
    assert.equal(
      `${status}: ${message}`,
      "INVALID_ARGUMENT: a chaincode events request is required",
    );
    assert.match((await send(Uint8Array.of(0xff))).message, /^invalid chaincode events request: /);
    const other = await failureOf(listen(test, { channel: "other" }).next());
    assert.equal(`${other.status}: ${other.message}`, "NOT_FOUND: channel does not exist: other");
    for (
      const start of [
        { case: "newest", value: { $typeName: "orderer.SeekNewest" } },
        { case: "oldest", value: { $typeName: "orderer.SeekOldest" } },
      ] as const
    ) {
      const refused = await failureOf(listen(test, { start }).next());
      const kind = start.case === "newest" ? "Newest" : "Oldest";
      assert.equal(
        `${refused.status}: ${refused.message}`,
        `INVALID_ARGUMENT: invalid start position type: *orderer.SeekPosition_${kind}`,
      );
    }
  });
  const acl = {
    check: (resource: string) => {
      throw new DenimError("access-denied", `no ${resource}`);
    },
  };
  await withGateway({ dependencies: { acl } }, async (test) => {
    const { status, message } = await failureOf(listen(test).next());
    assert.equal(`${status}: ${message}`, "PERMISSION_DENIED: no gateway/ChaincodeEvents");
  });
});
