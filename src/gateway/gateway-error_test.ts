import assert from "node:assert/strict";
import fc from "fast-check";
import { ErrorDetailSchema } from "../gen/gateway/gateway_pb.ts";
import { create } from "@bufbuild/protobuf";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import {
  errorDetail,
  gatewayError,
  goErrorText,
  maxDetails,
  maxDetailsBytes,
} from "./gateway-error.ts";
import { detailsOf } from "./gateway_testkit.ts";

const endpoint = { address: "peer0:7051", mspId: "Org1MSP" };

Deno.test("details travel as a google.rpc.Status in unpadded base64", () => {
  const details = [errorDetail(endpoint, "first"), errorDetail(endpoint, "")];
  const error = gatewayError(GrpcStatus.ABORTED, "failed", details);
  assert.equal(error.status, GrpcStatus.ABORTED);
  assert.equal(error.message, "failed");
  assert.deepEqual(detailsOf(error), details);
  assert.doesNotMatch(error.trailers["grpc-status-details-bin"], /=/);
  assert.deepEqual(gatewayError(GrpcStatus.ABORTED, "failed").trailers, {});
});

Deno.test("details of any size and number fit into what clients take as trailers", () => {
  const anyDetail = fc.record({
    address: fc.string({ unit: "binary", maxLength: 300 }),
    mspId: fc.string({ maxLength: 300 }),
    message: fc.oneof(
      fc.string({ unit: "binary" }),
      fc.nat(100_000).map((length) => "𝄞".repeat(length)),
    ),
  });
  fc.assert(
    fc.property(
      fc.array(anyDetail, { minLength: 1, maxLength: 100 }),
      fc.nat(20_000),
      (details, messageLength) => {
        const error = gatewayError(
          GrpcStatus.ABORTED,
          "m".repeat(messageLength),
          details.map((detail) => create(ErrorDetailSchema, detail)),
        );
        const encoded = error.trailers["grpc-status-details-bin"];
        assert.ok(encoded.length <= Math.ceil(maxDetailsBytes / 3) * 4, `${encoded.length}`);
        assert.equal(detailsOf(error).length, Math.min(details.length, maxDetails));
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("errors of gRPC calls read as Go's clients print them", () => {
  assert.equal(
    goErrorText(new RpcError(GrpcStatus.DEADLINE_EXCEEDED, "late")),
    "rpc error: code = DeadlineExceeded desc = late",
  );
  assert.equal(
    goErrorText(new RpcError(GrpcStatus.CANCELLED, "gone")),
    "rpc error: code = Canceled desc = gone",
  );
  assert.equal(goErrorText(new Error("plain")), "plain");
});
