import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { SeekInfoSchema } from "../gen/orderer/ab_pb.ts";
import { resolveSeek } from "./seek.ts";

Deno.test("the next commit is the block after those there are, whatever the stop", () => {
  const start = { Type: { case: "nextCommit" as const, value: {} } };
  const number = 2n ** 64n - 1n;
  const seek = create(SeekInfoSchema, {
    start,
    stop: { Type: { case: "specified", value: { number } } },
  });
  const range = (height: number) => resolveSeek(seek, height);
  assert.deepEqual(range(7), { range: { start: 7, stop: number, failIfNotReady: false } });
  assert.deepEqual(range(0), { range: { start: 0, stop: number, failIfNotReady: false } });
});
