/** Decoder and encoder against protobuf-es, for every message that Denim knows. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { Buffer } from "node:buffer";
import {
  create,
  type DescField,
  type DescFile,
  type DescMessage,
  fromBinary,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { mutate, mutations } from "../../tests/support/mutations.ts";
import { messageOf } from "../base/errors.ts";
import { ConfigUpdateSchema } from "../gen/common/configtx_pb.ts";
import { ChannelHeaderSchema, EnvelopeSchema } from "../gen/common/common_pb.ts";
import { SignaturePolicySchema } from "../gen/common/policies_pb.ts";
import { ChaincodeInputSchema } from "../gen/peer/chaincode_pb.ts";
import { comparable, decodeInTwoPasses } from "./go-wire_testkit.ts";
import { decodeWire } from "./wire-decoder.ts";
import { encodeWire } from "./wire-encoder.ts";

/** Messages within messages that are made up. */
const maxDepth = 4;
const runsPerMessage = 25;

async function allMessages(): Promise<DescMessage[]> {
  const gen = new URL("../gen/", import.meta.url);
  const files = readdirSync(gen, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith("_pb.ts"));
  const messages: DescMessage[] = [TimestampSchema];
  const add = ({ messages: nested }: { messages: readonly DescMessage[] }) => {
    for (const message of nested) {
      const isEntry = message.proto.options?.mapEntry ?? false;
      if (!isEntry) messages.push(message);
      add({ messages: message.nestedMessages });
    }
  };
  for (const file of files) {
    const exports: Record<string, unknown> = await import(new URL(file, gen).href);
    for (const value of Object.values(exports)) {
      if (typeof value === "object" && value !== null && "kind" in value && value.kind === "file") {
        add(value as DescFile);
      }
    }
  }
  return messages;
}

const texts = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.string({ unit: "binary", maxLength: 20 }).map((text) => text.toWellFormed()),
  fc.constantFrom("", "__proto__", "\ufeffbom", "ä".repeat(60), "x".repeat(97), "x".repeat(300)),
);

function scalars(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return texts;
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 200 });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.INT32:
      return fc.oneof(fc.integer(), fc.constantFrom(0, -1, 2 ** 31 - 1, -(2 ** 31)));
    case ScalarType.UINT32:
      return fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 32 - 1));
    case ScalarType.INT64:
      return fc.oneof(
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
        fc.constantFrom(0n, -1n, 2n ** 53n),
      );
    case ScalarType.UINT64:
      return fc.oneof(
        fc.bigInt(0n, 2n ** 64n - 1n),
        fc.constantFrom(0n, 2n ** 53n - 1n, 2n ** 53n),
      );
    default:
      throw new Error(`what is a ${ScalarType[type]}?`);
  }
}

function valuesOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message !== undefined) return messagesOf(field.message, depth + 1);
  if (field.enum !== undefined) {
    return fc.constantFrom(...field.enum.values.map(({ number }) => number), 77);
  }
  return scalars(field.scalar ?? ScalarType.INT32);
}

function fieldsOf(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const deep = depth >= maxDepth && field.message !== undefined;
  if (field.fieldKind === "list") {
    return deep ? fc.constant([]) : fc.array(valuesOf(field, depth), { maxLength: 3 });
  }
  if (field.fieldKind === "map") {
    const keys = scalars(field.mapKey).map(String);
    if (deep) return fc.constant({});
    return fc.array(fc.tuple(keys, valuesOf(field, depth)), { maxLength: 3 })
      .map((entries) => Object.fromEntries(entries));
  }
  return deep ? fc.constant(undefined) : valuesOf(field, depth);
}

/** Messages of the type, each member set or not. */
function messagesOf(schema: DescMessage, depth = 0): fc.Arbitrary<unknown> {
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of schema.members) {
    members[member.localName] = member.kind === "field"
      ? fc.option(fieldsOf(member, depth), { nil: undefined })
      : fc.option(
        fc.constantFrom(...member.fields).chain((field) =>
          fieldsOf(field, depth).map((value) =>
            value === undefined ? undefined : { case: field.localName, value }
          )
        ),
        { nil: undefined },
      );
  }
  return fc.record(members).map((init) => create(schema, init as never));
}

function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return "refused";
  }
}

Deno.test("every message is written and read as protobuf-es does", async () => {
  const messages = await allMessages();
  assert.ok(messages.length > 250, `${messages.length} messages`);
  for (const schema of messages) {
    fc.assert(
      fc.property(messagesOf(schema), (message) => {
        const bytes = toBinary(schema, message as never);
        assert.deepEqual(encodeWire(schema, message as never), bytes, schema.typeName);
        assert.deepEqual(decodeWire(schema, bytes), fromBinary(schema, bytes), schema.typeName);
      }),
      { numRuns: runsPerMessage },
    );
  }
});

Deno.test("mutilated messages are read or refused as in two passes", async () => {
  let refused = 0;
  let read = 0;
  for (const schema of (await allMessages()).filter((schema) => comparable(schema))) {
    fc.assert(
      fc.property(messagesOf(schema), mutations, (message, changes) => {
        const bytes = mutate(toBinary(schema, message as never), changes);
        const expected = outcome(() => decodeInTwoPasses(schema, bytes));
        assert.deepEqual(outcome(() => decodeWire(schema, bytes)), expected, schema.typeName);
        if (expected === "refused") refused++;
        else read++;
      }),
      { numRuns: runsPerMessage },
    );
  }
  assert.ok(refused > 100 && read > 100, `${refused} refused, ${read} read`);
});

Deno.test("any bytes are read as a message of maps and choices or refused, and nothing else", () => {
  fc.assert(fc.property(messagesOf(ConfigUpdateSchema), mutations, (message, changes) => {
    const bytes = mutate(toBinary(ConfigUpdateSchema, message as never), changes);
    const update = outcome(() => decodeWire(ConfigUpdateSchema, bytes));
    if (update === "refused") return;
    const again = encodeWire(ConfigUpdateSchema, update as never);
    assert.deepEqual(decodeWire(ConfigUpdateSchema, again), update);
  }));
});

Deno.test("unknown fields are kept where they are wanted, nested ones too", () => {
  // ChannelHeader.timestamp (3) with a field 9 of its own; then a group 15.
  const bytes = Uint8Array.of(0x1a, 4, 0x08, 5, 0x48, 1, 0x7b, 0x08, 1, 0x7c, 0x08, 3);
  const kept = decodeWire(ChannelHeaderSchema, bytes, { keepUnknown: true });
  assert.equal(kept.type, 3);
  assert.equal(kept.timestamp?.seconds, 5n);
  assert.deepEqual(kept.$unknown?.map(({ no }) => no), [15]);
  assert.deepEqual(
    encodeWire(ChannelHeaderSchema, kept),
    Uint8Array.of(0x08, 3, 0x1a, 4, 0x08, 5, 0x48, 1, 0x7b, 0x08, 1, 0x7c),
  );
  assert.equal(decodeWire(ChannelHeaderSchema, bytes).$unknown, undefined);
});

Deno.test("the entries of maps are judged as golang/protobuf judges them", () => {
  const read = (...bytes: number[]) => decodeWire(ChaincodeInputSchema, Uint8Array.from(bytes));
  const key = [0x0a, 1, 0x61];
  assert.deepEqual(read(0x12, 6, ...key, 0x12, 1, 7).decorations, { a: Uint8Array.of(7) });
  // Without a value, without a key, with a value of another wire type, with a field 3.
  assert.deepEqual(read(0x12, 3, ...key).decorations, { a: new Uint8Array() });
  assert.deepEqual(read(0x12, 3, 0x12, 1, 7).decorations, { "": Uint8Array.of(7) });
  assert.deepEqual(read(0x12, 5, ...key, 0x10, 1).decorations, { a: new Uint8Array() });
  assert.deepEqual(read(0x12, 5, ...key, 0x18, 1).decorations, { a: new Uint8Array() });
  // Past the end of the entry; as a number.
  assert.throws(() => read(0x12, 5, ...key, 0x12, 1, 7), /unexpected EOF/);
  assert.throws(() => read(0x10, 5), /bad wiretype for map field/);
});

Deno.test("a second message takes the place of the first in a choice", () => {
  // SignaturePolicy.n_out_of (2): n = 1 with a rule; then n_out_of without anything.
  const bytes = Uint8Array.of(0x12, 6, 0x08, 1, 0x12, 2, 0x08, 0, 0x12, 0);
  const { Type } = decodeWire(SignaturePolicySchema, bytes);
  assert.ok(Type.case === "nOutOf");
  assert.deepEqual([Type.value.n, Type.value.rules.length], [0, 0]);
});

Deno.test("an integer has at most 64 bits", () => {
  const nine = Array.from({ length: 9 }, () => 0xff);
  const epoch = (last: number) =>
    decodeWire(ChannelHeaderSchema, Uint8Array.of(0x30, ...nine, last)).epoch;
  assert.equal(epoch(1), 2n ** 64n - 1n);
  assert.throws(() => epoch(2), /unexpected EOF/);
});

Deno.test("byte fields are plain arrays over the given buffer", () => {
  const buffer = Buffer.from([0x0a, 2, 5, 6]);
  const { payload } = decodeWire(EnvelopeSchema, buffer);
  assert.equal(payload.constructor, Uint8Array);
  buffer[2] = 9;
  assert.deepEqual([...payload], [9, 6]);
});

Deno.test("values that a field cannot have are refused", () => {
  const header = (change: Record<string, unknown>) =>
    Object.assign(create(ChannelHeaderSchema), change);
  const refused = (change: Record<string, unknown>, reason: RegExp) =>
    assert.throws(
      () => encodeWire(ChannelHeaderSchema, header(change)),
      (error) => reason.test(messageOf(error)),
    );
  refused({ type: 1.5 }, /as an int32/);
  refused({ type: 2 ** 40 }, /as an int32/);
  refused({ epoch: -1n }, /as a uint64/);
  refused({ epoch: 2n ** 64n }, /as a uint64/);
  refused({ channelId: 7 }, /as a text/);
  refused({ extension: [1] }, /as bytes/);
  refused({ $typeName: "common.Header" }, /cannot encode a common.Header/);
});

Deno.test("a message larger than the buffer, then a small one", () => {
  for (const size of [100, 20_000, 3_000_000, 10]) {
    const envelope = create(EnvelopeSchema, {
      payload: new Uint8Array(size).fill(1),
      signature: new Uint8Array(size).fill(2),
    });
    assert.deepEqual(encodeWire(EnvelopeSchema, envelope), toBinary(EnvelopeSchema, envelope));
  }
});

Deno.test("messages stay what they are while others are written, and after one that failed", () => {
  const written = Array.from({ length: 3_000 }, (_, i) => {
    const envelope = create(EnvelopeSchema, {
      payload: new Uint8Array(i % 97).fill(i),
      signature: new Uint8Array(i % 13).fill(i + 1),
    });
    if (i % 50 === 0) {
      const bad = { ...envelope, payload: "nothing" as unknown as Uint8Array };
      assert.throws(() => encodeWire(EnvelopeSchema, bad), /as bytes/);
    }
    return { envelope, bytes: encodeWire(EnvelopeSchema, envelope) };
  });
  for (const { envelope, bytes } of written) {
    assert.deepEqual(bytes, toBinary(EnvelopeSchema, envelope));
  }
});
