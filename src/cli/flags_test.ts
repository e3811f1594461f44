import assert from "node:assert/strict";
import fc from "fast-check";
import { type Flag, parseFlags, UsageError } from "./flags.ts";

const flags: Flag[] = [
  { name: "channelID", short: "C", kind: "string", help: "" },
  { name: "ctor", short: "c", kind: "string", default: "{}", help: "" },
  { name: "tls", kind: "boolean", help: "" },
  { name: "raw", short: "r", kind: "boolean", help: "" },
  { name: "hex", short: "x", kind: "boolean", help: "" },
  { name: "peerAddresses", kind: "stringArray", help: "" },
  { name: "waitForEventTimeout", kind: "duration", default: "30s", help: "" },
  { name: "orgs", kind: "int", default: "1", help: "" },
  { name: "blockNumber", short: "b", kind: "uint", default: "0", help: "" },
];

Deno.test("long and short flags take attached and separate values, between arguments too", () => {
  const { values, args } = parseFlags(flags, [
    "first",
    "-C",
    "mychannel",
    "--ctor={}=x",
    "second",
    "--peerAddresses",
    "a:1",
    "--peerAddresses=b:2",
    "--",
    "-x",
  ]);
  assert.equal(values.string("channelID"), "mychannel");
  assert.equal(values.string("ctor"), "{}=x");
  assert.deepEqual(values.array("peerAddresses"), ["a:1", "b:2"]);
  assert.deepEqual(args, ["first", "second", "-x"]);
  assert.equal(parseFlags(flags, ["-Cone"]).values.string("channelID"), "one");
  assert.equal(parseFlags(flags, ["-C=one"]).values.string("channelID"), "one");
});

Deno.test("boolean flags stand alone, cluster, and take only attached values", () => {
  const clustered = parseFlags(flags, ["-rx"]).values;
  assert.ok(clustered.boolean("raw") && clustered.boolean("hex"));
  const { values, args } = parseFlags(flags, ["--tls", "false", "--raw=false"]);
  assert.equal(values.boolean("tls"), true);
  assert.equal(values.boolean("raw"), false);
  assert.deepEqual(args, ["false"]);
});

Deno.test("unset flags give their defaults and durations are milliseconds", () => {
  const { values } = parseFlags(flags, []);
  assert.equal(values.string("ctor"), "{}");
  assert.equal(values.duration("waitForEventTimeout"), 30_000);
  assert.equal(values.int("orgs"), 1);
  assert.equal(values.has("ctor"), false);
  const given = parseFlags(flags, ["--waitForEventTimeout", "1m30s"]).values;
  assert.equal(given.duration("waitForEventTimeout"), 90_000);
});

Deno.test("mistakes are named as pflag names them", () => {
  const message = (argv: string[]) => {
    try {
      parseFlags(flags, argv);
    } catch (error) {
      assert.ok(error instanceof UsageError);
      return error.message;
    }
    return "no error";
  };
  assert.equal(message(["--nope"]), "unknown flag: --nope");
  assert.equal(message(["-z"]), "unknown shorthand flag: 'z' in -z");
  assert.equal(message(["--ctor"]), "flag needs an argument: --ctor");
  assert.equal(message(["-c"]), "flag needs an argument: 'c' in -c");
  assert.match(message(["--tls=maybe"]), /invalid argument "maybe" for "--tls" flag/);
  assert.match(message(["--tls=constructor"]), /invalid argument "constructor"/);
  assert.match(message(["--orgs", "two"]), /invalid argument "two"/);
  assert.match(message(["--waitForEventTimeout", "soon"]), /such as 30s/);
});

Deno.test("any argv either parses or is refused with a UsageError", () => {
  fc.assert(fc.property(fc.array(fc.string()), (argv) => {
    try {
      parseFlags(flags, argv);
    } catch (error) {
      assert.ok(error instanceof UsageError);
    }
  }));
});

Deno.test("numbers that Go's unsigned integers cannot hold are refused with its words", () => {
  assert.equal(parseFlags(flags, ["-b", "7"]).values.int("blockNumber"), 7);
  for (const wrong of ["-1", "1x", "", "18446744073709551616"]) {
    assert.throws(() => parseFlags(flags, [`--blockNumber=${wrong}`]), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /flag: strconv\.ParseUint: parsing ".*": invalid syntax$/);
      return true;
    });
  }
});
