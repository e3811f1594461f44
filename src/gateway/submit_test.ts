import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { until } from "../../tests/support/until.ts";
import { text, utf8 } from "../base/bytes.ts";
import { Status } from "../gen/common/common_pb.ts";
import { SubmitRequestSchema } from "../gen/gateway/gateway_pb.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import {
  channelId,
  failureOf,
  type OrdererAnswer,
  silence,
  type TestGateway,
  withGateway,
} from "./gateway_testkit.ts";

const success: OrdererAnswer = () => Promise.resolve({ status: Status.SUCCESS });
const refused = (status: Status, info: string): OrdererAnswer => () =>
  Promise.resolve({ status, info });
const lost: OrdererAnswer = () =>
  Promise.reject(new RpcError(GrpcStatus.UNAVAILABLE, "connection refused"));

const signed = { payload: utf8("transaction"), signature: utf8("signature") };

function submit(
  { gateway, context }: TestGateway,
  request: { channelId?: string; preparedTransaction?: Partial<typeof signed> } = {},
) {
  return gateway.handlers.submit?.(
    create(SubmitRequestSchema, { channelId, preparedTransaction: signed, ...request }),
    context,
  );
}

Deno.test("one orderer that takes the transaction is enough", async () => {
  let received = "";
  const orderers = {
    "o1:7050": ((envelope) => {
      received = text(envelope.payload);
      return Promise.resolve({ status: Status.SUCCESS });
    }) satisfies OrdererAnswer,
    "o2:7050": success,
  };
  await withGateway({ orderers }, async (test) => {
    await submit(test);
    assert.deepEqual(test.asked, ["o1:7050"]);
    assert.equal(received, "transaction");
  });
});

Deno.test("orderers are tried in random order", async () => {
  const orderers = { "o1:7050": success, "o2:7050": success, "o3:7050": success };
  const first = new Set<string>();
  for (const random of [0, 0.4, 0.8]) {
    await withGateway({ orderers, dependencies: { random: () => random } }, async (test) => {
      await submit(test);
      first.add(test.asked[0]);
    });
  }
  assert.ok(first.size > 1, [...first].join());
});

Deno.test("orderers that cannot be reached or are not ready are passed over", async () => {
  const unready = refused(Status.SERVICE_UNAVAILABLE, "no leader");
  await withGateway({ orderers: { o1: lost, o2: unready, o3: success } }, async (test) => {
    await submit(test);
    assert.deepEqual(test.asked, ["o1", "o2", "o3"]);
  });
  await withGateway({ orderers: { o1: lost, o2: unready } }, async (test) => {
    assert.deepEqual(await failureOf(submit(test)), {
      status: "UNAVAILABLE",
      message: "no orderers could successfully process transaction",
      details: [
        "o1 OrdererMSP: rpc error: code = Unavailable desc = connection refused",
        "o2 OrdererMSP: received unsuccessful response from orderer: " +
        "status=SERVICE_UNAVAILABLE, info=no leader",
      ],
    });
  });
});

Deno.test("what is wrong with the transaction is not tried elsewhere", async () => {
  const orderers = { o1: refused(Status.FORBIDDEN, "no writer"), o2: success };
  await withGateway({ orderers }, async (test) => {
    assert.deepEqual(await failureOf(submit(test)), {
      status: "ABORTED",
      message: "received unsuccessful response from orderer: status=FORBIDDEN, info=no writer",
      details: [],
    });
    assert.deepEqual(test.asked, ["o1"]);
  });
});

Deno.test("an orderer that says nothing is given up after broadcastTimeout", async () => {
  const timeouts = { endorsementMs: 20, broadcastMs: 20, dialMs: 20 };
  const orderers = { o1: silence, o2: success };
  await withGateway({ orderers, dependencies: { timeouts } }, async (test) => {
    await submit(test);
    assert.deepEqual(test.asked, ["o1", "o2"]);
  });
});

Deno.test("a call that is cancelled ends, and no further orderer is asked", async () => {
  await withGateway({ orderers: { o1: silence, o2: success } }, async (test) => {
    const call = failureOf(submit(test));
    await until("an orderer is asked", () => test.asked.length > 0);
    test.cancel.abort(new RpcError(GrpcStatus.CANCELLED, "context canceled"));
    assert.equal((await call).status, "CANCELLED");
    assert.deepEqual(test.asked, ["o1"]);
  });
});

Deno.test("requests without a signed transaction or a channel with orderers", async () => {
  await withGateway({}, async (test) => {
    const cases = [
      [{ preparedTransaction: undefined }, "INVALID_ARGUMENT: a prepared transaction is required"],
      [
        { preparedTransaction: { payload: utf8("x") } },
        "INVALID_ARGUMENT: prepared transaction must be signed",
      ],
      [
        { channelId: "other" },
        "FAILED_PRECONDITION: failed to get config for channel [other]: could not get last " +
        "config for channel other",
      ],
      [{}, "UNAVAILABLE: no orderer nodes available"],
    ] as const;
    for (const [request, expected] of cases) {
      const { status, message } = await failureOf(submit(test, request));
      assert.equal(`${status}: ${message}`, expected);
    }
  });
});
