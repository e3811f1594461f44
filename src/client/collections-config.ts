/** The JSON of `--collections-config`. Mirrors peer/chaincode/common.go. */
import { create, toBinary } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../base/errors.ts";
import {
  type CollectionConfig,
  CollectionConfigPackageSchema,
  CollectionConfigSchema,
} from "../gen/common/collection_pb.ts";
import { parsePolicy } from "../policy/parse-policy.ts";

const example = '[{"name":"secrets","policy":"OR(\'Org1MSP.member\')","requiredPeerCount":0,' +
  '"maxPeerCount":0,"blockToLive":0,"memberOnlyRead":true}]';

/** Peer counts are 32-bit numbers. */
const maxCount = 0x7fff_ffff;

/**
 * Serialized CollectionConfigPackage of the JSON list.
 * @throws DenimError `malformed-collections`
 */
export function parseCollectionsConfig(json: string): Uint8Array {
  let list: unknown;
  try {
    list = JSON.parse(json);
  } catch (error) {
    throw malformed(messageOf(error).replace(/\s+/g, " "));
  }
  if (!Array.isArray(list)) throw malformed("expected a list of collections");
  const config = list.map(collectionOf);
  return toBinary(CollectionConfigPackageSchema, create(CollectionConfigPackageSchema, { config }));
}

function collectionOf(item: unknown): CollectionConfig {
  if (typeof item !== "object" || item === null || Array.isArray(item)) {
    throw malformed("a collection is not an object");
  }
  const fields = new Map(
    Object.entries(item).map(([name, value]) => [name.toLowerCase(), value as unknown]),
  );
  const text = (name: string): string => {
    const value = fields.get(name.toLowerCase()) ?? "";
    if (typeof value !== "string") throw malformed(`${name} is not a string`);
    return value;
  };
  const whole = (name: string): number => {
    const value = fields.get(name.toLowerCase()) ?? 0;
    if (typeof value !== "number" || !Number.isSafeInteger(value)) {
      throw malformed(`${name} is not a whole number`);
    }
    return value;
  };
  const count = (name: string): number => {
    const value = whole(name);
    if (Math.abs(value) > maxCount) throw malformed(`${name} ${value} is out of range`);
    return value;
  };
  const memberOnlyRead = fields.get("memberonlyread") ?? false;
  if (typeof memberOnlyRead !== "boolean") throw malformed("memberOnlyRead is not true or false");
  const blockToLive = whole("blockToLive");
  if (blockToLive < 0) throw malformed("blockToLive is negative");
  const policy = text("policy");
  let signaturePolicy;
  try {
    signaturePolicy = parsePolicy(policy);
  } catch (error) {
    throw malformed(`invalid policy ${policy}: ${messageOf(error)}`);
  }
  return create(CollectionConfigSchema, {
    payload: {
      case: "staticCollectionConfig",
      value: {
        name: text("name"),
        memberOrgsPolicy: { payload: { case: "signaturePolicy", value: signaturePolicy } },
        requiredPeerCount: count("requiredPeerCount"),
        maximumPeerCount: count("maxPeerCount"),
        blockToLive: BigInt(blockToLive),
        memberOnlyRead,
      },
    },
  });
}

function malformed(reason: string): DenimError {
  return new DenimError(
    "malformed-collections",
    `could not parse the collection configuration: ${reason}`,
    { reason },
    `the file holds a list such as ${example}`,
  );
}
