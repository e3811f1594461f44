/**
 * Validation of an endorser transaction against the chaincodes it writes to.
 * Mirrors core/committer/txvalidator/vscc_validator.go (VSCCValidateTx) and
 * core/handlers/validation/builtin/{v12,v13}/validation_logic.go.
 */
import { DenimError } from "../base/errors.ts";
import type { ApplicationCapabilities } from "../channel/types.ts";
import type { ChannelHeader } from "../gen/common/common_pb.ts";
import { SerializedIdentitySchema } from "../gen/msp/identities_pb.ts";
import { ChaincodeEventSchema } from "../gen/peer/chaincode_event_pb.ts";
import {
  type ChaincodeAction,
  ChaincodeActionSchema,
  type ChaincodeHeaderExtension,
  ChaincodeHeaderExtensionSchema,
} from "../gen/peer/proposal_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import type { QueryExecutor } from "../ledger/types.ts";
import { hasBytesField, tryDecodeAsGo } from "../protocol/go-wire.ts";
import type { ChaincodeRulebook, ChaincodeRules } from "./chaincode-rules.ts";
import type { PolicyEvaluator, Signers } from "./endorsements.ts";
import type { KeyLevelValidator } from "./key-level.ts";
import { validateLsccInvocation } from "./lscc.ts";
import { decodeReadWriteSet, type NamespaceSet, writesToNamespace } from "./read-write-set.ts";
import {
  isHiddenFromChaincodes,
  isHiddenFromProposals,
  isSystemChaincode,
} from "./system-chaincodes.ts";
import type { EndorserTransaction, Verdict } from "./transaction.ts";

/** What all transactions of a block share. */
export interface BlockContext {
  readonly capabilities: ApplicationCapabilities;
  readonly state: QueryExecutor;
  readonly rulebook: ChaincodeRulebook;
  readonly policies: PolicyEvaluator;
  readonly keyLevel: KeyLevelValidator;
}

/** One transaction on its way through the VSCC. */
export interface VsccTransaction {
  readonly channelHeader: ChannelHeader;
  readonly endorser: EndorserTransaction;
  /** Endorsers whose signatures hold, each once. */
  readonly signers: Signers;
  /** The creator, as instantiation policies see it. */
  readonly creator: Signers;
}

export interface VsccOutcome {
  /** Undefined: valid. */
  readonly verdict: Verdict | undefined;
  readonly sets: readonly NamespaceSet[];
  /** Namespaces that were validated and found good, also where another one was not. */
  readonly goodNamespaces: ReadonlySet<string>;
  /** The chaincode that the header names. */
  readonly chaincode: string;
}

const illegal = TxValidationCode.ILLEGAL_WRITESET;
const other = TxValidationCode.INVALID_OTHER_REASON;

/** @throws DenimError where validation itself could not be done */
export function validateEndorsed(tx: VsccTransaction, block: BlockContext): VsccOutcome {
  const parts = readParts(tx);
  if ("verdict" in parts) {
    return { verdict: parts.verdict, sets: [], goodNamespaces: new Set(), chaincode: "" };
  }
  const { sets, chaincode } = parts;
  const goodNamespaces = new Set<string>();
  const verdict = validateParts(tx, parts, block, goodNamespaces);
  return { verdict, sets, goodNamespaces, chaincode };
}

interface Parts {
  readonly chaincode: string;
  readonly version: string;
  readonly action: ChaincodeAction;
  readonly eventPresent: boolean;
  readonly sets: readonly NamespaceSet[];
}

function refuse(code: TxValidationCode, reason: string): { verdict: Verdict } {
  return { verdict: { code, reason } };
}

/** Header extension, action and read-write set, checked in Fabric's order. */
function readParts({ channelHeader, endorser }: VsccTransaction): Parts | { verdict: Verdict } {
  const extension: ChaincodeHeaderExtension | undefined = tryDecodeAsGo(
    ChaincodeHeaderExtensionSchema,
    channelHeader.extension,
  );
  if (!extension) {
    return refuse(TxValidationCode.BAD_HEADER_EXTENSION, "not a ChaincodeHeaderExtension");
  }
  const badResponse = TxValidationCode.BAD_RESPONSE_PAYLOAD;
  const actionBytes = endorser.responsePayload.extension;
  if (actionBytes.length === 0 && !hasBytesField(endorser.action.proposalResponsePayload, 2)) {
    return refuse(badResponse, "response payload is missing extension");
  }
  const action = tryDecodeAsGo(ChaincodeActionSchema, actionBytes);
  if (!action) return refuse(badResponse, "error unmarshaling ChaincodeAction");
  let sets: readonly NamespaceSet[];
  try {
    sets = decodeReadWriteSet(action.results);
  } catch (error) {
    if (!(error instanceof DenimError)) throw error;
    return refuse(TxValidationCode.BAD_RWSET, `txRWSet.FromProtoBytes failed: ${error.message}`);
  }
  if (!extension.chaincodeId) return refuse(other, "nil ChaincodeId in header extension");
  if (!action.chaincodeId) return refuse(other, "nil ChaincodeId in ChaincodeAction");
  const { name } = extension.chaincodeId;
  if (name === "") return refuse(other, "invalid chaincode ID");
  if (name !== action.chaincodeId.name) {
    return refuse(other, `inconsistent ccid info (${name}/${action.chaincodeId.name})`);
  }
  const { version } = action.chaincodeId;
  if (version === "") return refuse(other, "invalid chaincode version");
  const eventPresent = action.events.length > 0 || hasBytesField(actionBytes, 2);
  return { chaincode: name, version, action, eventPresent, sets };
}

function validateParts(
  tx: VsccTransaction,
  parts: Parts,
  block: BlockContext,
  good: Set<string>,
): Verdict | undefined {
  const { chaincode, sets } = parts;
  const invalid = (code: TxValidationCode, reason: string): Verdict => ({ code, reason });
  const strict = block.capabilities.v1_2Validation;
  if (strict && parts.eventPresent) {
    const event = tryDecodeAsGo(ChaincodeEventSchema, parts.action.events);
    if (!event) return invalid(other, "invalid chaincode event");
    if (event.chaincodeId !== chaincode) {
      return invalid(
        other,
        "chaincode event chaincode id does not match chaincode action chaincode id",
      );
    }
  }
  const written: string[] = strict ? [chaincode] : [];
  const seen = new Set<string>();
  for (const set of sets) {
    if (seen.has(set.namespace)) {
      return invalid(illegal, `duplicate namespace '${set.namespace}' in txRWSet`);
    }
    seen.add(set.namespace);
    if (!writesToNamespace(set, block.capabilities)) continue;
    if (set.namespace !== chaincode || !strict) written.push(set.namespace);
  }
  if (isSystemChaincode(chaincode)) {
    if (isHiddenFromProposals(chaincode)) {
      return invalid(illegal, `committing an invocation of cc ${chaincode} is illegal`);
    }
    return validateNamespace(tx, parts, chaincode, block, good);
  }
  const writers = sets.filter((set) => writesToNamespace(set, block.capabilities));
  if (writers.some(({ namespace }) => namespace === "lscc")) {
    return invalid(
      illegal,
      `chaincode ${chaincode} attempted to write to the namespace of LSCC`,
    );
  }
  const hidden = ({ namespace }: NamespaceSet) =>
    isHiddenFromChaincodes(namespace) || isHiddenFromProposals(namespace);
  if (writers.some(hidden)) {
    return invalid(
      illegal,
      `chaincode ${chaincode} attempted to write to the namespace of a system chaincode that ` +
        "cannot be invoked",
    );
  }
  for (const namespace of written) {
    const verdict = validateNamespace(tx, parts, namespace, block, good);
    if (verdict) return verdict;
  }
  return undefined;
}

/** One namespace against its chaincode's rules. */
function validateNamespace(
  tx: VsccTransaction,
  parts: Parts,
  namespace: string,
  block: BlockContext,
  good: Set<string>,
): Verdict | undefined {
  const rules = block.rulebook.rules(namespace);
  if (typeof rules === "string") return { code: other, reason: rules };
  const { chaincode, version } = parts;
  const isInvoked = namespace === chaincode && !isSystemChaincode(chaincode);
  if (isInvoked && rules.version !== version) {
    const channel = tx.channelHeader.channelId;
    return {
      code: TxValidationCode.EXPIRED_CHAINCODE,
      reason: `chaincode ${chaincode}:${version}/${channel} didn't match ` +
        `${chaincode}:${rules.version}/${channel} in lscc`,
    };
  }
  if (rules.vscc !== "vscc") {
    // Every peer of a channel must judge alike, so a peer that cannot judge must not go on.
    throw new DenimError(
      "validation-plugin-missing",
      `plugin with name ${rules.vscc} couldn't be used: plugin with name ${rules.vscc} wasn't found`,
      { namespace, plugin: rules.vscc },
    );
  }
  const failure = endorsementFailure(tx, parts, namespace, rules, block);
  if (failure !== undefined) {
    return { code: TxValidationCode.ENDORSEMENT_POLICY_FAILURE, reason: failure };
  }
  good.add(namespace);
  return undefined;
}

function endorsementFailure(
  tx: VsccTransaction,
  { sets }: Parts,
  namespace: string,
  rules: ChaincodeRules,
  block: BlockContext,
): string | undefined {
  const failure = block.capabilities.v1_3Validation
    ? block.keyLevel.validate(namespace, sets, rules.policy, tx.signers)
    : chaincodeLevelFailure(tx, rules, block);
  if (failure !== undefined || namespace !== "lscc") return failure;
  return validateLsccInvocation({
    proposalPayload: tx.endorser.actionPayload.chaincodeProposalPayload,
    sets,
    capabilities: block.capabilities,
    state: block.state,
    instantiationFailure: (policy) => block.policies.evaluate(policy, tx.creator),
  });
}

/** Validation before 1.3: the chaincode's policy only; an unreadable endorser spoils it all. */
function chaincodeLevelFailure(
  { endorser, signers }: VsccTransaction,
  { policy }: ChaincodeRules,
  block: BlockContext,
): string | undefined {
  for (const endorsement of endorser.action.endorsements) {
    if (!tryDecodeAsGo(SerializedIdentitySchema, endorsement.endorser)) {
      return "Unmarshal endorser error";
    }
  }
  const failure = block.policies.evaluate(policy, signers);
  return failure === undefined
    ? undefined
    : `VSCC error: endorsement policy failure, err: ${failure}`;
}
