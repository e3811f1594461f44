/**
 * One proposal's simulation: who is called, under which simulator, and what came out.
 * Mirrors SimulateProposal and callChaincode in core/endorser/endorser.go of Fabric 1.4.2.
 */
import { clone } from "@bufbuild/protobuf";
import { emptyBytes, text } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { validateCodePackage } from "../chaincode/package/code-package.ts";
import type { ChaincodeDefinition, ExecuteResult, TransactionParams } from "../chaincode/types.ts";
import type { ChaincodeInterest } from "../gen/discovery/protocol_pb.ts";
import {
  type ChaincodeDeploymentSpec,
  ChaincodeDeploymentSpecSchema,
  type ChaincodeInput,
  ChaincodeInvocationSpecSchema,
  ChaincodeSpec_Type,
} from "../gen/peer/chaincode_pb.ts";
import { ChaincodeProposalPayloadSchema } from "../gen/peer/proposal_pb.ts";
import type { PeerLedger, QueryExecutor, SimulationResults } from "../ledger/types.ts";
import { decode } from "../protocol/decode.ts";
import { chaincodeInterest } from "./chaincode-interest.ts";
import type { InstantiationPolicyCheck } from "./instantiation-policy-check.ts";
import { storeTransiently } from "./private-data.ts";
import type { CheckedProposal } from "./proposal-check.ts";
import { defaultSystemChaincodeVersion, type EndorserDependencies } from "./types.ts";

export interface Simulation extends ExecuteResult {
  /** Undefined for system chaincodes. */
  readonly definition: ChaincodeDefinition | undefined;
  /** Version of the chaincode that ran. */
  readonly version: string;
  /** Serialized TxReadWriteSet; empty where there was no simulator. */
  readonly results: Uint8Array;
  /** What it touched; undefined where there was no simulator or nothing will be endorsed. */
  readonly interest?: ChaincodeInterest;
}

/** Statuses from here on are not endorsed. */
export const errorThreshold = 400;

/** Statuses from here on are failures whose simulation is shown but not endorsed. */
export const errorStatus = 500;

/** Runs the proposal. @throws DenimError with the text for the response's message */
export async function simulate(
  checked: CheckedProposal,
  ledger: PeerLedger | undefined,
  policies: InstantiationPolicyCheck,
  dependencies: EndorserDependencies,
  signal: AbortSignal | undefined,
): Promise<Simulation> {
  const { channelId, txId } = checked.channelHeader;
  const simulator = ledger?.newSimulator(txId);
  const wantsHistory = dependencies.historyEnabled ?? true;
  const history = wantsHistory ? ledger?.newHistoryExecutor() : undefined;
  try {
    const { name } = checked.chaincodeId;
    const payload = decode(ChaincodeProposalPayloadSchema, checked.proposal.payload);
    const input = inputOf(payload.input);
    const params: TransactionParams = {
      channelId,
      txId,
      signedProposal: checked.signed,
      proposal: checked.proposal,
      simulator,
      history,
      transient: payload.TransientMap,
      decorations: {},
      creator: checked.signatureHeader.creator,
      signal,
    };
    const definition = definitionOf(name, params, policies, dependencies);
    const version = definition?.version ??
      (dependencies.systemChaincodeVersion ?? defaultSystemChaincodeVersion);
    const executed = await call(params, name, version, input, dependencies);
    if (simulator === undefined || ledger === undefined) {
      return { ...executed, definition, version, results: emptyBytes };
    }
    const results = simulator.results();
    simulator.done();
    await keepPrivateData(name, txId, ledger, results, dependencies);
    const interest = executed.response.status < errorThreshold
      ? interestOf(results, ledger, dependencies)
      : undefined;
    return { ...executed, definition, version, results: results.publicBytes, interest };
  } finally {
    history?.done();
    simulator?.done();
  }
}

/** @throws DenimError `malformed-message`, `no-input` (Fabric crashes there) */
function inputOf(invocationBytes: Uint8Array): ChaincodeInput {
  const { chaincodeSpec } = decode(ChaincodeInvocationSpecSchema, invocationBytes);
  if (chaincodeSpec?.input === undefined) {
    throw new DenimError("no-input", "the proposal carries no chaincode input");
  }
  // Decorations are the peer's to make; what a client writes there must not reach the chaincode.
  chaincodeSpec.input.decorations = {};
  return chaincodeSpec.input;
}

function definitionOf(
  name: string,
  { simulator }: TransactionParams,
  policies: InstantiationPolicyCheck,
  { systemChaincodes, definitions }: EndorserDependencies,
): ChaincodeDefinition | undefined {
  if (systemChaincodes.isSystemChaincode(name)) return undefined;
  let definition: ChaincodeDefinition;
  try {
    if (simulator === undefined) {
      throw new DenimError("no-channel", "a chaincode can be invoked on a channel only");
    }
    definition = definitions.chaincodeDefinition(name, simulator);
  } catch (error) {
    throw new DenimError(
      error instanceof DenimError ? error.code : "internal",
      `make sure the chaincode ${name} has been successfully instantiated and try again: ${
        messageOf(error)
      }`,
      { name },
      error instanceof DenimError ? error.hint : undefined,
      { cause: error },
    );
  }
  policies.check(definition);
  return definition;
}

async function call(
  params: TransactionParams,
  name: string,
  version: string,
  input: ChaincodeInput,
  dependencies: EndorserDependencies,
): Promise<ExecuteResult> {
  const executed = await dependencies.chaincode.execute(params, name, version, input);
  if (executed.response.status >= errorThreshold) {
    return { response: executed.response, event: undefined };
  }
  if (name === "lscc" && isDeployment(input)) {
    const deployment = deploymentOf(input.args[2], params.channelId, dependencies);
    await initialize(params, deployment, dependencies);
  }
  return executed;
}

function isDeployment({ args }: ChaincodeInput): boolean {
  return args.length >= 3 && ["deploy", "upgrade"].includes(text(args[0]));
}

/** The installed package's specification without its code, with the proposal's arguments for INIT. */
function deploymentOf(
  specBytes: Uint8Array,
  channelId: string,
  { packages, systemChaincodes }: EndorserDependencies,
): ChaincodeDeploymentSpec {
  const wanted = decode(ChaincodeDeploymentSpecSchema, specBytes);
  const type = wanted.chaincodeSpec?.type ?? ChaincodeSpec_Type.UNDEFINED;
  validateCodePackage(type, wanted.codePackage);
  const { name = "", version = "" } = wanted.chaincodeSpec?.chaincodeId ?? {};
  let installed: ChaincodeDeploymentSpec;
  try {
    installed = packages.load(name, version).deploymentSpec;
  } catch (error) {
    throw new DenimError(
      "package-not-installed",
      `cannot deploy a chaincode which is not installed: could not get chaincode from fs: ${
        messageOf(error)
      }`,
      { name, version },
      undefined,
      { cause: error },
    );
  }
  const deployment = clone(ChaincodeDeploymentSpecSchema, {
    ...installed,
    codePackage: emptyBytes,
  });
  if (deployment.chaincodeSpec !== undefined) {
    deployment.chaincodeSpec.input = wanted.chaincodeSpec?.input;
  }
  if (systemChaincodes.isSystemChaincode(name)) {
    throw new DenimError(
      "system-chaincode-name",
      `attempting to deploy a system chaincode ${name}/${channelId}`,
      { name },
    );
  }
  return deployment;
}

/** Launch and INIT; a failure is marked as such, because operators count them. */
async function initialize(
  params: TransactionParams,
  deployment: ChaincodeDeploymentSpec,
  { chaincode }: EndorserDependencies,
): Promise<void> {
  try {
    await chaincode.executeInit(params, deployment);
  } catch (error) {
    const { name = "", version = "" } = deployment.chaincodeSpec?.chaincodeId ?? {};
    throw new InitializationFailed(`${name}:${version}`, error);
  }
}

/** The chaincode that lscc has just deployed or upgraded could not be launched or refused INIT. */
export class InitializationFailed extends DenimError {
  /** @param chaincode `name:version` */
  constructor(readonly chaincode: string, cause: unknown) {
    const inner = cause instanceof DenimError ? cause : undefined;
    super(inner?.code ?? "internal", messageOf(cause), inner?.facts ?? {}, inner?.hint, { cause });
  }
}

function interestOf(
  { namespaces, privateReads }: SimulationResults,
  ledger: PeerLedger,
  { systemChaincodes }: EndorserDependencies,
): ChaincodeInterest {
  // Transactions that only read need none.
  let opened: QueryExecutor | undefined;
  const state = () => opened ??= ledger.newQueryExecutor();
  try {
    return chaincodeInterest({
      namespaces,
      privateReads,
      state,
      isSystemChaincode: (name) => systemChaincodes.isSystemChaincode(name),
    });
  } finally {
    opened?.done();
  }
}

async function keepPrivateData(
  name: string,
  txId: string,
  ledger: PeerLedger,
  { privateSet }: SimulationResults,
  { distributePrivateData = storeTransiently }: EndorserDependencies,
): Promise<void> {
  if (privateSet === undefined) return;
  if (name === "lscc") {
    throw new DenimError(
      "private-data-in-init",
      "Private data is forbidden to be used in instantiate",
    );
  }
  await distributePrivateData(ledger, txId, privateSet);
}
