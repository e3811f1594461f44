import assert from "node:assert/strict";
import inspector from "node:inspector";
import { until } from "../../tests/support/until.ts";
import { closeDebugger } from "./close-debugger.ts";

Deno.test("a debugger that opens after the signal is closed", async () => {
  await closeDebugger();
  inspector.open(0, "127.0.0.1");
  assert.ok(inspector.url(), "it has opened");
  await until("the debugger's end", () => inspector.url() === undefined);
});

Deno.test("a debugger that somebody asked for before stays", async () => {
  inspector.open(0, "127.0.0.1");
  try {
    await closeDebugger();
    await new Promise((resolve) => setTimeout(resolve, 100)); // twenty looks
    assert.ok(inspector.url());
  } finally {
    inspector.close();
  }
});
