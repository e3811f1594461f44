/** The JSON of `--ctor` and `--transient`. Mirrors peer/chaincode/common.go and peer/chaincodeunmarshall.go. */
import { fromBase64, utf8 } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";

const argumentsHint = `write arguments as '{"Args":["function","first","second"]}'`;

function parseObject(json: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new DenimError(
      "malformed-arguments",
      `${what}: ${messageOf(error).replace(/\s+/g, " ")}`,
      { json },
      argumentsHint,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DenimError(
      "malformed-arguments",
      `${what}: expected a JSON object, got ${json}`,
      { json },
      argumentsHint,
    );
  }
  return value as Record<string, unknown>;
}

/** Without case, as Go's encoding/json matches field names. */
function field(object: Record<string, unknown>, name: string): unknown {
  for (const [key, value] of Object.entries(object)) {
    if (key.toLowerCase() === name) return value;
  }
  return undefined;
}

/**
 * The arguments in `--ctor`.
 * @param emptyAllowed `{}` is fine for install and package
 * @throws DenimError `malformed-arguments`
 */
export function parseChaincodeInput(json: string, emptyAllowed: boolean): Uint8Array[] {
  if (json === "{}") {
    if (emptyAllowed) return [];
    throw new DenimError(
      "malformed-arguments",
      "empty JSON chaincode parameters must contain the following keys: 'Args' or 'Function' " +
        "and 'Args'",
      { json },
      argumentsHint,
    );
  }
  const object = parseObject(json, "chaincode argument error");
  const keys = Object.keys(object).map((key) => key.toLowerCase());
  if (
    !keys.includes("args") || keys.length > 2 ||
    (keys.length === 2 && !keys.includes("function"))
  ) {
    throw new DenimError(
      "malformed-arguments",
      "non-empty JSON chaincode parameters must contain the following keys: 'Args' or " +
        "'Function' and 'Args'",
      { json },
      argumentsHint,
    );
  }
  const args = field(object, "args") ?? [];
  const fn = field(object, "function") ?? "";
  if (!Array.isArray(args) || !args.every((arg) => typeof arg === "string")) {
    throw new DenimError(
      "malformed-arguments",
      "chaincode argument error: 'Args' must be a list of strings",
      { json },
      argumentsHint,
    );
  }
  if (typeof fn !== "string") {
    throw new DenimError(
      "malformed-arguments",
      "chaincode argument error: 'Function' must be a string",
      { json },
      argumentsHint,
    );
  }
  return [...(fn === "" ? [] : [fn]), ...args].map(utf8);
}

/** The transient map: names to base64 values. @throws DenimError `malformed-transient` */
export function parseTransient(json: string): Record<string, Uint8Array> {
  if (json === "") return {};
  const hint = `values are base64: '{"key":"dmFsdWU="}'`;
  let object: Record<string, unknown>;
  try {
    object = parseObject(json, "error parsing transient string");
  } catch (error) {
    throw new DenimError("malformed-transient", messageOf(error), { json }, hint);
  }
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => {
      if (
        typeof value !== "string" || value.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)
      ) {
        throw new DenimError(
          "malformed-transient",
          `error parsing transient string: the value of ${JSON.stringify(key)} is not base64`,
          { key },
          hint,
        );
      }
      return [key, fromBase64(value)];
    }),
  );
}
