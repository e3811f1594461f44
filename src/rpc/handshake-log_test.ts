import assert from "node:assert/strict";
import { type Logger, silentLogger } from "../base/logger.ts";
import { HandshakeLog } from "./handshake-log.ts";

Deno.test("a caller whose handshakes fail again and again has one line a minute", () => {
  const lines: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (message, facts) => lines.push(`${message} ${facts?.remoteAddress} ${facts?.error}`),
  };
  let now = 0;
  const log = new HandshakeLog(logger, () => now);
  for (; now < 180_000; now += 5_000) {
    log.failed(new Error("no"), { remoteAddress: "10.0.0.1", remotePort: 1000 + now / 5_000 });
  }
  log.failed(new Error("other"), {
    _parent: { remoteAddress: "10.0.0.2", remotePort: 1 },
  });
  log.failed(new Error("gone"), undefined);
  assert.deepEqual(lines, [
    "TLS handshake failed 10.0.0.1:1000 no",
    "TLS handshake failed 10.0.0.1:1012 no",
    "TLS handshake failed 10.0.0.1:1024 no",
    "TLS handshake failed 10.0.0.2:1 other",
    "TLS handshake failed :0 gone",
  ]);
});
