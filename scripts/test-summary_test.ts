import assert from "node:assert/strict";
import { failureReport, maxReportCharacters, parseSummary } from "./test-summary.ts";

Deno.test("the last summary counts, with colours, steps and ignored tests", () => {
  const output = "x\nok | 1 passed | 0 failed (2ms)\n\n\x1b[0m\x1b[31mFAILED\x1b[0m | 8 passed " +
    "(3 steps) | 1 failed | 2 ignored | 6 filtered out \x1b[0m\x1b[38;5;245m(2m4s)\x1b[0m\n\nerror";
  assert.deepEqual(parseSummary(output), { passed: 8, failed: 1, ignored: 2 });
  assert.deepEqual(parseSummary("ok | 13 passed | 0 failed (1s)"), {
    passed: 13,
    failed: 0,
    ignored: 0,
  });
});

Deno.test("an output without summary counts nothing", () => {
  assert.deepEqual(parseSummary("error: Module not found"), { passed: 0, failed: 0, ignored: 0 });
});

Deno.test("the report of what failed is cut out of an output, its end where it is long", () => {
  const report =
    "ERRORS \n\na thing works => ./x_test.ts:1:6\nerror: Error: no\n\n FAILURES \n\na thing works";
  const output = `a thing works ... FAILED (1ms)\n\n\x1b[0m\x1b[41m ${report}\n`;
  assert.equal(failureReport(output), report);
  const long = failureReport(output.replace("no", "no ".repeat(maxReportCharacters)));
  assert.equal(long?.length, maxReportCharacters + 1);
  assert.match(long ?? "", /^….*a thing works$/s);
  assert.equal(failureReport("ok | 13 passed | 0 failed (1s)"), undefined);
});
