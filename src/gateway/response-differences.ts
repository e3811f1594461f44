/** In what two ProposalResponsePayloads differ. Mirrors internal/pkg/gateway/diff.go of Fabric 2.5. */
import { equal, hex, text } from "../base/bytes.ts";
import { SignaturePolicyEnvelopeSchema } from "../gen/common/policies_pb.ts";
import type { KVMetadataEntry } from "../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import { ChaincodeEventSchema } from "../gen/peer/chaincode_event_pb.ts";
import { type ChaincodeAction, ChaincodeActionSchema } from "../gen/peer/proposal_pb.ts";
import { ProposalResponsePayloadSchema, type Response } from "../gen/peer/proposal_response_pb.ts";
import { decodeReadWriteSet, type NamespaceSet } from "../ledger/rwset/decode.ts";
import { policyToString } from "../policy/policy-to-string.ts";
import { decode, tryDecode } from "../protocol/decode.ts";

/** Facts for a log line; `type` says what kind it is. */
export type Difference = Readonly<Record<string, string>>;

/** A value longer than this is cut. */
const maxValueCharacters = 200;

const keyPolicy = "VALIDATION_PARAMETER";

/** @throws DenimError where one of them cannot be read */
export function responseDifferences(expected: Uint8Array, actual: Uint8Array): Difference[] {
  const [first, second] = [expected, actual].map(actionOf);
  const differences = equal(first.results, second.results)
    ? []
    : resultDifferences(first.results, second.results);
  if (!equal(first.events, second.events)) {
    differences.push({
      type: "chaincode event mismatch",
      "initial-endorser-event": describeEvent(first),
      "invoked-endorser-event": describeEvent(second),
    });
  }
  const [one, other] = [first, second].map(({ response }) => describeResponse(response));
  if (one !== other) {
    differences.push({
      type: "chaincode response mismatch",
      "initial-endorser-response": one,
      "invoked-endorser-response": other,
    });
  }
  return differences;
}

function actionOf(payload: Uint8Array): ChaincodeAction {
  return decode(ChaincodeActionSchema, decode(ProposalResponsePayloadSchema, payload).extension);
}

/** One recorded thing: what names it, and its value. */
interface Entry {
  readonly kind: "read" | "write" | "write metadata" | "private collection hash";
  readonly names: Difference;
  readonly value: string;
}

function resultDifferences(expected: Uint8Array, actual: Uint8Array): Difference[] {
  const first = entriesOf(expected);
  const second = entriesOf(actual);
  const differences: Difference[] = [];
  for (const identity of new Set([...first.keys(), ...second.keys()])) {
    const one = first.get(identity);
    const other = second.get(identity);
    const entry = one ?? other;
    if (!entry || one?.value === other?.value) continue;
    const { kind, names } = entry;
    const problem = !one
      ? `extraneous ${kind}`
      : !other
      ? `missing ${kind}`
      : `${kind}${kind.endsWith("hash") || kind.endsWith("metadata") ? "" : " value"} mismatch`;
    differences.push({
      type: problem,
      ...names,
      "initial-endorser-value": one?.value ?? "",
      "invoked-endorser-value": other?.value ?? "",
    });
  }
  return differences;
}

function entriesOf(results: Uint8Array): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const set of decodeReadWriteSet(results).namespaces) {
    for (const entry of namespaceEntries(set)) {
      entries.set(JSON.stringify([entry.kind, entry.names]), entry);
    }
  }
  return entries;
}

function* namespaceEntries({ namespace, kv, collections }: NamespaceSet): Generator<Entry> {
  for (const { key, version } of kv.reads) {
    yield { kind: "read", names: { namespace, key }, value: String(version?.blockNum ?? 0n) };
  }
  for (const { key, value, isDelete } of kv.writes) {
    yield {
      kind: "write",
      names: { namespace, key },
      value: isDelete ? "(deleted)" : shown(text(value)),
    };
  }
  for (const { key, entries } of kv.metadataWrites) {
    for (const entry of entries) {
      yield {
        kind: "write metadata",
        names: { namespace, key, name: entry.name },
        value: describeMetadata(entry),
      };
    }
  }
  for (const { collection, privateSetHash } of collections) {
    yield {
      kind: "private collection hash",
      names: { namespace, collection },
      value: hex(privateSetHash),
    };
  }
}

function describeMetadata({ name, value }: KVMetadataEntry): string {
  if (name !== keyPolicy) return shown(text(value));
  const policy = tryDecode(SignaturePolicyEnvelopeSchema, value);
  return policy ? shown(policyToString(policy)) : `not a policy: ${shown(hex(value))}`;
}

function describeEvent({ events }: ChaincodeAction): string {
  const { chaincodeId, eventName, payload } = decode(ChaincodeEventSchema, events);
  return `chaincodeId: ${chaincodeId}, name: ${eventName}, value: ${shown(text(payload))}`;
}

function describeResponse(response: Response | undefined): string {
  const { status = 0, message = "", payload } = response ?? {};
  return `status: ${status}, message: ${shown(message)}, payload: ${
    payload ? shown(text(payload)) : ""
  }`;
}

function shown(value: string): string {
  return value.length <= maxValueCharacters ? value : `${value.slice(0, maxValueCharacters)}...`;
}
