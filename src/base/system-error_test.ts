import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { systemErrorCode, systemErrorReason, systemErrorText } from "./system-error.ts";

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

Deno.test("errors of Deno and of node:fs read the same", () => {
  for (
    const error of [
      thrownBy(() => Deno.mkdirSync("/dev/null/x")),
      thrownBy(() => mkdirSync("/dev/null/x")),
    ]
  ) {
    assert.equal(systemErrorCode(error), "ENOTDIR");
    assert.equal(systemErrorReason(error), "a part of the path is not a directory");
    assert.equal(
      systemErrorText(error),
      "mkdir /dev/null/x: a part of the path is not a directory",
    );
  }
});

Deno.test("what the operating system did not say keeps its message", () => {
  const codes = [undefined, "ERR_INVALID_ARG", 5, "EODD"];
  for (const code of codes) {
    const error = Object.assign(new Error("odd"), { code });
    assert.equal(systemErrorCode(error), code === "EODD" ? code : undefined);
    assert.equal(systemErrorReason(error), "odd");
    assert.equal(systemErrorText(error), "odd");
  }
  assert.equal(systemErrorText("a string"), "a string");
});
