import assert from "node:assert/strict";
import { text, utf8 } from "../base/bytes.ts";
import { Inbox } from "./inbox.ts";
import { maxBufferedMessages } from "./limits.ts";

function inbox(pauses: boolean[] = [], abandoned?: () => void): Inbox<string> {
  return new Inbox({ decode: text, pause: (paused) => pauses.push(paused), abandoned });
}

Deno.test("messages come in order, then the end", async () => {
  const box = inbox();
  box.push(utf8("a"));
  box.push(utf8("b"));
  box.close();
  assert.deepEqual(await Array.fromAsync(box), ["a", "b"]);
});

Deno.test("messages before an error are still read", async () => {
  const box = inbox();
  box.push(utf8("a"));
  box.fail(new Error("lost"));
  const iterator = box[Symbol.asyncIterator]();
  assert.equal((await iterator.next()).value, "a");
  await assert.rejects(iterator.next(), { message: "lost" });
});

Deno.test("the transport is paused when the reader is slow, and resumed when it catches up", async () => {
  const pauses: boolean[] = [];
  const box = inbox(pauses);
  for (let i = 0; i < maxBufferedMessages; i++) box.push(utf8(String(i)));
  assert.deepEqual(pauses, [true]);
  const iterator = box[Symbol.asyncIterator]();
  for (let i = 0; i < maxBufferedMessages; i++) await iterator.next();
  assert.deepEqual(pauses, [true, false]);
});

Deno.test("a reader that leaves is reported once", async () => {
  let left = 0;
  const box = inbox([], () => left++);
  box.push(utf8("a"));
  for await (const _ of box) break;
  assert.equal(left, 1);
});

Deno.test("a waiting reader gets the decode error of its message", async () => {
  const box = new Inbox<string>({
    decode: () => {
      throw new Error("not text");
    },
    pause: () => {},
  });
  const next = box[Symbol.asyncIterator]().next();
  box.push(utf8("a"));
  await assert.rejects(next, { message: "not text" });
});
