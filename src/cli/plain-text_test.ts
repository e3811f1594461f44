import assert from "node:assert/strict";
import { plainText } from "./plain-text.ts";

Deno.test("text keeps its lines and loses what would steer a terminal", () => {
  assert.equal(plainText("a\tb\r\nc ä€😀"), "a\tb\nc ä€😀");
  assert.equal(plainText("\x1b[0m\x1b[1m\x1b[31merror\x1b[0m: no"), "error: no");
  assert.equal(plainText("\x1b]0;title\x07x\x1b]8;;http://y\x1b\\z"), "xz");
  assert.equal(plainText("\x1b[2J\x1b[Hcleared\x9b31m\x00\x1b"), "cleared31m");
});
