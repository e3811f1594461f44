import assert from "node:assert/strict";
import { configOf } from "./load.ts";

const gatewayOf = (environment: Record<string, string>) =>
  configOf(environment, undefined, "/tmp").peerConfig.peer.gateway;

Deno.test("the gateway is on, with the limits of Fabric 2.5's sample core.yaml", () => {
  assert.deepEqual(gatewayOf({}), {
    enabled: true,
    endorsementTimeoutMs: 30_000,
    broadcastTimeoutMs: 30_000,
    dialTimeoutMs: 120_000,
    maxConcurrentCalls: 500,
  });
});

Deno.test("peer.gateway and peer.limits.concurrency.gatewayService set them", () => {
  assert.deepEqual(
    gatewayOf({
      CORE_PEER_GATEWAY_ENABLED: "false",
      CORE_PEER_GATEWAY_ENDORSEMENTTIMEOUT: "5s",
      CORE_PEER_GATEWAY_BROADCASTTIMEOUT: "7s",
      CORE_PEER_GATEWAY_DIALTIMEOUT: "1m",
      CORE_PEER_LIMITS_CONCURRENCY_GATEWAYSERVICE: "0",
    }),
    {
      enabled: false,
      endorsementTimeoutMs: 5_000,
      broadcastTimeoutMs: 7_000,
      dialTimeoutMs: 60_000,
      maxConcurrentCalls: 0,
    },
  );
});

Deno.test("a time limit of nothing would refuse everything: the default counts", () => {
  const { endorsementTimeoutMs } = gatewayOf({ CORE_PEER_GATEWAY_ENDORSEMENTTIMEOUT: "0s" });
  assert.equal(endorsementTimeoutMs, 30_000);
});
