import assert from "node:assert/strict";
import { formatTimeout, parseTimeout } from "./timeout.ts";

Deno.test("timeouts of all units", () => {
  assert.equal(parseTimeout("1H"), 3_600_000);
  assert.equal(parseTimeout("2M"), 120_000);
  assert.equal(parseTimeout("3S"), 3000);
  assert.equal(parseTimeout("99999999m"), 99_999_999);
  assert.equal(parseTimeout("1500u"), 2);
  assert.equal(parseTimeout("1n"), 1);
  for (const bad of ["", "1", "m", "-1m", "123456789m", "1.5S", "1 S"]) {
    assert.equal(parseTimeout(bad), undefined, bad);
  }
});

Deno.test("formatted timeouts are read back, and never shorter", () => {
  for (const ms of [1, 999, 1e7, 99_999_999, 1e8, 1e12]) {
    const read = parseTimeout(formatTimeout(ms));
    assert.ok(read !== undefined && read >= Math.min(ms, 99_999_999_000), String(ms));
  }
  assert.equal(formatTimeout(-5), "1m");
});
