import assert from "node:assert/strict";
import { nextVersion } from "./installed-chaincode.ts";

Deno.test("the next version increases the last number and is new", () => {
  for (
    const [version, taken, expected] of [
      ["1.0", [], "1.1"],
      ["1.9", [], "1.10"],
      ["3", ["4", "5"], "6"],
      ["v1", [], "v2"],
      ["1.0-rc1", [], "1.0-rc2"],
      ["1.0-beta", [], "1.1-beta"],
      ["2024.01", [], "2024.02"],
      ["9999999999999999999", [], "10000000000000000000"],
      ["latest", [], "latest.1"],
      ["latest.1", ["latest.2"], "latest.3"],
    ] as const
  ) assert.equal(nextVersion(version, taken), expected);
});
