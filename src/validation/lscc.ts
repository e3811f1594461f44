/**
 * What a transaction of lscc may do: deploy or upgrade one chaincode, write exactly that, and
 * satisfy the instantiation policy. Mirrors ValidateLSCCInvocation of
 * core/handlers/validation/builtin/{v12,v13}, whose lscc rules are the same.
 */
import { equal, strictText } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { ApplicationCapabilities } from "../channel/types.ts";
import {
  type CollectionConfigPackage,
  CollectionConfigPackageSchema,
} from "../gen/common/collection_pb.ts";
import type { KVRWSet } from "../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import {
  type ChaincodeDeploymentSpec,
  ChaincodeInvocationSpecSchema,
} from "../gen/peer/chaincode_pb.ts";
import { ChaincodeProposalPayloadSchema } from "../gen/peer/proposal_pb.ts";
import type { QueryExecutor } from "../ledger/types.ts";
import { type ChaincodeData, decodeChaincodeData } from "../protocol/chaincode-data.ts";
import { tryDecodeAsGo } from "../protocol/go-wire.ts";
import { decodeDeploymentSpec } from "./code-package.ts";
import { checkAgainstOldCollections, checkNewCollections, collectionKey } from "./collections.ts";
import type { NamespaceSet } from "./read-write-set.ts";
import { reservedChaincodeNames } from "./system-chaincodes.ts";

const chaincodeName = /^[a-zA-Z0-9]+([-_][a-zA-Z0-9]+)*$/;
const chaincodeVersion = /^[A-Za-z0-9_.+-]+$/;

/** What lscc validation needs to know about one transaction and its channel. */
export interface LsccTransaction {
  /** ChaincodeActionPayload.chaincode_proposal_payload. */
  readonly proposalPayload: Uint8Array;
  readonly sets: readonly NamespaceSet[];
  readonly capabilities: ApplicationCapabilities;
  readonly state: QueryExecutor;
  /** Why the transaction's creator does not satisfy an instantiation policy, or undefined. */
  readonly instantiationFailure: (policy: Uint8Array) => string | undefined;
}

/** Arguments of the lscc call that a transaction carries, or undefined where there are none. */
export function lsccArguments(proposalPayload: Uint8Array): readonly Uint8Array[] | undefined {
  const payload = tryDecodeAsGo(ChaincodeProposalPayloadSchema, proposalPayload);
  const spec = payload && tryDecodeAsGo(ChaincodeInvocationSpecSchema, payload.input);
  const args = spec?.chaincodeSpec?.input?.args;
  return args && args.length > 0 ? args : undefined;
}

/**
 * Undefined when the transaction is a legitimate deploy or upgrade, else why not.
 * @throws DenimError where the ledger could not be read or holds a damaged definition
 */
export function validateLsccInvocation(transaction: LsccTransaction): string | undefined {
  const all = lsccArguments(transaction.proposalPayload);
  if (!all) return "malformed chaincode invocation spec";
  const lsccFunction = strictText(all[0]);
  const args = all.slice(1);
  if (lsccFunction !== "deploy" && lsccFunction !== "upgrade") {
    return `VSCC error: committing an invocation of function ${lsccFunction} of lscc is invalid`;
  }
  if (args.length < 2) {
    return `Wrong number of arguments for invocation lscc(${lsccFunction}): expected at least 2, ` +
      `received ${args.length}`;
  }
  const { capabilities } = transaction;
  if (args.length > (capabilities.privateChannelData ? 6 : 5)) {
    return `Wrong number of arguments for invocation lscc(${lsccFunction}): ` +
      `received ${args.length}`;
  }
  const id = deployedId(args[1], lsccFunction);
  if (typeof id === "string") return id;
  return validateWrites(transaction, lsccFunction, args, id);
}

interface DeployedId {
  readonly name: string;
  readonly version: string;
}

/** Name and version of the deployment spec, or what is wrong with it. */
function deployedId(specBytes: Uint8Array, lsccFunction: string): DeployedId | string {
  let spec: ChaincodeDeploymentSpec;
  try {
    spec = decodeDeploymentSpec(specBytes);
  } catch (error) {
    if (!(error instanceof DenimError)) throw error;
    return `GetChaincodeDeploymentSpec error ${error.message}`;
  }
  const id = spec.chaincodeSpec?.chaincodeId;
  if (!id) {
    return `VSCC error: invocation of lscc(${lsccFunction}) does not have appropriate arguments`;
  }
  if (!chaincodeName.test(id.name)) return `invalid chaincode name '${id.name}'`;
  if (reservedChaincodeNames.has(id.name)) {
    return `chaincode name '${id.name}' is reserved for system chaincodes`;
  }
  if (!chaincodeVersion.test(id.version)) return `invalid chaincode version '${id.version}'`;
  return id;
}

function validateWrites(
  transaction: LsccTransaction,
  lsccFunction: "deploy" | "upgrade",
  args: readonly Uint8Array[],
  id: DeployedId,
): string | undefined {
  const lsccSet = transaction.sets.find((set) => set.namespace === "lscc")?.publicSet;
  const onLedger = instantiated(transaction.state, id.name);
  if (!lsccSet) return "No read write set for lscc was found";
  const [first] = lsccSet.writes;
  if (!first) return "LSCC must issue at least one single putState upon deploy/upgrade";
  if (first.key !== id.name) return `expected key ${id.name}, found ${first.key}`;
  let written: ChaincodeData;
  try {
    written = decodeChaincodeData(first.value);
  } catch (error) {
    return `unmarshalling of ChaincodeData failed, error ${messageOf(error)}`;
  }
  if (written.name !== id.name) return `expected cc name ${id.name}, found ${written.name}`;
  if (written.version !== id.version) {
    return `expected cc version ${id.version}, found ${written.version}`;
  }
  for (const { namespace, publicSet } of transaction.sets) {
    if (namespace !== "lscc" && namespace !== written.name && publicSet.writes.length > 0) {
      return `LSCC invocation is attempting to write to namespace ${namespace}`;
    }
  }
  return lsccFunction === "deploy"
    ? validateDeploy(transaction, args, lsccSet, written, onLedger)
    : validateUpgrade(transaction, args, lsccSet, written, onLedger);
}

function validateDeploy(
  transaction: LsccTransaction,
  args: readonly Uint8Array[],
  lsccSet: KVRWSet,
  written: ChaincodeData,
  onLedger: ChaincodeData | undefined,
): string | undefined {
  if (onLedger) return `Chaincode ${written.name} is already instantiated`;
  if (transaction.capabilities.privateChannelData) {
    const problem = validateCollections(transaction, "deploy", args, lsccSet, written);
    if (problem !== undefined) return problem;
  } else if (lsccSet.writes.length !== 1) {
    return "LSCC can only issue a single putState upon deploy";
  }
  if (written.instantiationPolicy === undefined) return "no instantiation policy was specified";
  return checkInstantiation(transaction, written.instantiationPolicy);
}

function validateUpgrade(
  transaction: LsccTransaction,
  args: readonly Uint8Array[],
  lsccSet: KVRWSet,
  written: ChaincodeData,
  onLedger: ChaincodeData | undefined,
): string | undefined {
  if (!onLedger) return `Upgrading non-existent chaincode ${written.name}`;
  if (onLedger.version === written.version) {
    return `Existing version of the cc on the ledger (${written.version}) should be different ` +
      "from the upgraded one";
  }
  if (transaction.capabilities.v1_2Validation) {
    const problem = validateCollections(transaction, "upgrade", args, lsccSet, written);
    if (problem !== undefined) return problem;
  } else if (lsccSet.writes.length !== 1) {
    return "LSCC can only issue a single putState upon upgrade";
  }
  const oldPolicy = onLedger.instantiationPolicy;
  if (oldPolicy === undefined) return "No instantiation policy was specified";
  const failure = checkInstantiation(transaction, oldPolicy);
  if (failure !== undefined || !transaction.capabilities.v1_1Validation) return failure;
  const newPolicy = written.instantiationPolicy;
  if (newPolicy === undefined) return "No instantiation policy was specified";
  return equal(newPolicy, oldPolicy) ? undefined : checkInstantiation(transaction, newPolicy);
}

function checkInstantiation(transaction: LsccTransaction, policy: Uint8Array): string | undefined {
  const failure = transaction.instantiationFailure(policy);
  return failure === undefined
    ? undefined
    : `chaincode instantiation policy violated, error ${failure}`;
}

/** Mirrors validateRWSetAndCollection. */
function validateCollections(
  { state, capabilities }: LsccTransaction,
  lsccFunction: "deploy" | "upgrade",
  args: readonly Uint8Array[],
  lsccSet: KVRWSet,
  { name, version }: ChaincodeData,
): string | undefined {
  const chaincode = `${name}:${version}`;
  const { writes } = lsccSet;
  if (writes.length > 2) return "LSCC can only issue one or two putState upon deploy";
  const key = collectionKey(name);
  if (writes.length === 2 && writes[1].key !== key) {
    return `invalid key for the collection of chaincode ${chaincode}; expected '${key}', ` +
      `received '${writes[1].key}'`;
  }
  const argument = args.length > 5 ? args[5] : undefined;
  const written = writes.length === 2 ? writes[1].value : new Uint8Array(0);
  if (!equal(argument ?? new Uint8Array(0), written)) {
    return `collection configuration arguments supplied for chaincode ${chaincode} do not match ` +
      "the configuration in the lscc writeset";
  }
  const old = committedCollections(state, name);
  if (lsccFunction === "deploy" && old) {
    return `collection data should not exist for chaincode ${chaincode}`;
  }
  if (argument === undefined) return undefined;
  const collections = tryDecodeAsGo(CollectionConfigPackageSchema, argument);
  if (!collections) return `invalid collection configuration supplied for chaincode ${chaincode}`;
  if (!capabilities.v1_2Validation) return undefined;
  const problem = checkNewCollections(collections.config);
  if (problem !== undefined || lsccFunction === "deploy" || !old) return problem;
  return checkAgainstOldCollections(collections.config, old.config);
}

/** @throws DenimError `bad-ledger-state` */
function committedCollections(
  state: QueryExecutor,
  chaincode: string,
): CollectionConfigPackage | undefined {
  const bytes = state.getState("lscc", collectionKey(chaincode));
  if (bytes === undefined) return undefined;
  const collections = tryDecodeAsGo(CollectionConfigPackageSchema, bytes);
  if (collections) return collections;
  throw new DenimError(
    "bad-ledger-state",
    `unable to check whether collection existed earlier for chaincode ${chaincode}`,
    { chaincode },
  );
}

/** @throws DenimError `bad-ledger-state` */
function instantiated(state: QueryExecutor, chaincode: string): ChaincodeData | undefined {
  const bytes = state.getState("lscc", chaincode);
  if (bytes === undefined) return undefined;
  try {
    return decodeChaincodeData(bytes);
  } catch (error) {
    throw new DenimError(
      "bad-ledger-state",
      `unmarshalling ChaincodeQueryResponse failed, error ${messageOf(error)}`,
      { chaincode },
    );
  }
}
