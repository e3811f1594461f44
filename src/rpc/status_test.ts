import assert from "node:assert/strict";
import fc from "fast-check";
import { DenimError } from "../base/errors.ts";
import { silentLogger } from "../base/logger.ts";
import {
  decodeStatusMessage,
  encodeStatusMessage,
  GrpcStatus,
  RpcError,
  toStatus,
} from "./status.ts";

Deno.test("status messages survive encoding and are printable ASCII on the wire", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (message) => {
      const wire = encodeStatusMessage(message);
      assert.match(wire, /^[\x20-\x7e]*$/);
      assert.equal(decodeStatusMessage(wire), message);
    }),
  );
});

Deno.test("broken escapes are kept", () => {
  assert.equal(decodeStatusMessage("100% %zz %4"), "100% %zz %4");
});

Deno.test("a DenimError becomes UNKNOWN with its message, as a Go error does", () => {
  const status = toStatus(new DenimError("access-denied", "access denied: channel [x]"));
  assert.equal(status.status, GrpcStatus.UNKNOWN);
  assert.equal(status.message, "access denied: channel [x]");
});

Deno.test("an RpcError stays what it is", () => {
  const error = new RpcError(GrpcStatus.NOT_FOUND, "no");
  assert.equal(toStatus(error), error);
  assert.equal(error.code, "rpc-not-found");
});

Deno.test("an unexpected exception becomes INTERNAL and is logged", () => {
  const logged: string[] = [];
  const logger = { ...silentLogger, error: (message: string) => logged.push(message) };
  assert.equal(toStatus(new TypeError("x"), logger).status, GrpcStatus.INTERNAL);
  assert.equal(logged.length, 1);
});
