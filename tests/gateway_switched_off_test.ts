/** `peer.gateway.enabled: false`. */
import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { EvaluateRequestSchema, Gateway } from "../src/gen/gateway/gateway_pb.ts";
import { GrpcStatus } from "../src/rpc/status.ts";
import { GoldenNode } from "./support/golden-node.ts";

for (
  const [enabled, status, message] of [
    [true, GrpcStatus.INVALID_ARGUMENT, /a signed proposal is required/],
    [false, GrpcStatus.UNIMPLEMENTED, /unknown service gateway\.Gateway/],
  ] as const
) {
  Deno.test(`with peer.gateway.enabled: ${enabled} the Gateway answers ${GrpcStatus[status]}`, async () => {
    await using golden = await GoldenNode.start({
      height: 1,
      settings: { "peer.gateway.enabled": enabled },
    });
    const call = golden.client.unary(Gateway.method.evaluate, create(EvaluateRequestSchema));
    await assert.rejects(call, { status, message });
  });
}
