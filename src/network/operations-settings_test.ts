import assert from "node:assert/strict";
import { operationsSettings } from "./operations-settings.ts";

const settings = (address: string | undefined, provider: string | undefined, index: number) => {
  const environment = {
    CORE_OPERATIONS_LISTENADDRESS: address,
    CORE_METRICS_PROVIDER: provider,
  };
  return Object.values(operationsSettings(environment, index));
};

Deno.test("each peer of a network has its own operations listener, where one is wanted", () => {
  assert.deepEqual(settings(undefined, undefined, 0), ["", "disabled"]);
  assert.deepEqual(settings(undefined, "statsd", 1), ["", "statsd"]);
  assert.deepEqual(settings("127.0.0.1:9443", undefined, 0), ["127.0.0.1:9443", "prometheus"]);
  assert.deepEqual(settings("127.0.0.1:9443", "disabled", 2), ["127.0.0.1:9445", "disabled"]);
  assert.deepEqual(settings("127.0.0.1:0", "", 3), ["127.0.0.1:0", "prometheus"]);
});
