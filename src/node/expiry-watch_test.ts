import assert from "node:assert/strict";
import { sleep } from "../base/async.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import { expiryWarningMs, ExpiryWatch } from "./expiry-watch.ts";

const hourMs = 3_600_000;

function watching(checkIntervalMs?: number) {
  const lines: string[] = [];
  const clock = { time: 1_000_000_000, now: () => clock.time };
  const logger: Logger = {
    ...silentLogger,
    warn: (message) => lines.push(`warn ${message}`),
    error: (message) => lines.push(`error ${message}`),
  };
  const watch = new ExpiryWatch({ clock, logger, checkIntervalMs });
  return { watch, clock, lines, [Symbol.dispose]: () => watch.close() };
}

Deno.test("a certificate in its last week is warned of at once, an expired one is an error", () => {
  using test = watching();
  const now = test.clock.now();
  test.watch.watch("enrollment", now + expiryWarningMs);
  test.watch.watch("TLS server", now + 2 * hourMs - 1);
  test.watch.watch("TLS client", now - 1);
  test.watch.watch("unreadable", undefined);
  assert.deepEqual(test.lines, [
    "warn The TLS server certificate expires within 2 hours",
    "error The TLS client certificate has expired",
  ]);
});

Deno.test("while the peer runs, each certificate is warned of once, and told of once when it expires", async () => {
  using test = watching(5);
  test.watch.watch("enrollment", test.clock.now() + expiryWarningMs + hourMs);
  const after = async (ms: number, lines: number) => {
    test.clock.time += ms;
    const deadline = Date.now() + 10_000;
    while (test.lines.length < lines && Date.now() < deadline) await sleep(5);
    await sleep(30); // several checks more, which must say nothing
    assert.equal(test.lines.length, lines, test.lines.join("\n"));
  };
  await after(0, 0);
  await after(2 * hourMs, 1);
  await after(hourMs, 1);
  await after(expiryWarningMs, 2);
  await after(hourMs, 2);
  assert.match(test.lines[0], /^warn The enrollment certificate expires within 167 hours$/);
  assert.match(test.lines[1], /^error The enrollment certificate has expired$/);
});

Deno.test("a renewed certificate takes the place of the old one; the same one again says nothing", () => {
  using test = watching();
  const now = test.clock.now();
  for (let i = 0; i < 3; i++) test.watch.watch("TLS of orderer o:7050", now + hourMs);
  test.watch.watch("TLS of orderer o:7050", now + 9 * expiryWarningMs);
  assert.equal(test.lines.length, 1);
});
