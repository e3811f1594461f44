/** A chaincode calls a chaincode. Mirrors HandleInvokeChaincode and checkACL of core/chaincode/handler.go. */
import { equal } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { ChaincodeSpecSchema } from "../gen/peer/chaincode_pb.ts";
import { ChaincodeMessageSchema } from "../gen/peer/chaincode_shim_pb.ts";
import { type ChaincodeInstance, parseChaincodeName } from "./chaincode-name.ts";
import { decode, type ShimCall, type ShimServices } from "./shim-call.ts";
import { signedDataOf } from "./signed-data.ts";
import type { TransactionContext } from "./transaction-context.ts";
import type { TransactionParams } from "./types.ts";
import { wrapError } from "./wrap-error.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";

/** The ACL resource that guards a call of one chaincode by another. */
const chaincodeToChaincode = "peer/ChaincodeToChaincode";

/**
 * The payload is the called chaincode's last message, COMPLETED or ERROR, as a whole: the shim of
 * the caller unpacks it.
 *
 * @throws DenimError with Fabric's text where the call was refused or could not be made
 */
export async function invokeChaincode(call: ShimCall): Promise<Uint8Array> {
  const { context, services } = call;
  const { target, input } = calledChaincode(call);
  checkCallAllowed(context, services, target);

  const outer = context.params;
  const params: TransactionParams = {
    ...outer,
    channelId: target.channelId,
    decorations: {},
    signal: context.ended,
  };
  if (target.channelId === outer.channelId) {
    return await execute(services, params, target.name, input);
  }

  const ledger = services.ledger(target.channelId);
  if (ledger === undefined) {
    throw new DenimError(
      "channel-not-found",
      `failed to find ledger for channel: ${target.channelId}`,
      { channelId: target.channelId },
    );
  }
  // Another channel is read only: what this simulator collects goes nowhere.
  const simulator = ledger.newSimulator(outer.txId);
  try {
    const history = ledger.newHistoryExecutor();
    try {
      return await execute(services, { ...params, simulator, history }, target.name, input);
    } finally {
      history.done();
    }
  } finally {
    simulator.done();
  }
}

function calledChaincode(call: ShimCall) {
  const spec = decode(ChaincodeSpecSchema, call.message.payload);
  if (spec.chaincodeId === undefined || spec.input === undefined) {
    throw new DenimError(
      "malformed-message",
      "unmarshal failed: chaincode spec without chaincode id or input",
    );
  }
  const named = parseChaincodeName(spec.chaincodeId.name);
  const channelId = named.channelId === "" ? call.context.params.channelId : named.channelId;
  return { target: { ...named, channelId }, input: spec.input };
}

function checkCallAllowed(
  context: TransactionContext,
  services: ShimServices,
  target: ChaincodeInstance,
): void {
  const { systemChaincodes } = services;
  if (systemChaincodes.isClosedToChaincodes(target.name)) {
    throw new DenimError(
      "not-invokable",
      `system chaincode ${target.name} cannot be invoked with a cc2cc invocation`,
      { chaincode: target.name },
    );
  }
  if (systemChaincodes.isSystemChaincode(target.name)) return;
  if (context.params.signedProposal === undefined) {
    const callee = `${target.channelId}.${target.name}#${target.version}`;
    throw new DenimError(
      "no-signed-proposal",
      `signed proposal must not be nil from caller [${callee}]`,
    );
  }
  services.acl.check(chaincodeToChaincode, target.channelId, signedDataOf(context.params));
}

async function execute(
  services: ShimServices,
  params: TransactionParams,
  name: string,
  input: Parameters<ShimServices["invoke"]>[3],
): Promise<Uint8Array> {
  const version = services.systemChaincodes.isSystemChaincode(name)
    ? ""
    : instantiatedVersion(services, params, name);
  try {
    const last = await services.invoke(params, name, version, input);
    return encodeWire(ChaincodeMessageSchema, last);
  } catch (error) {
    throw wrapError("execute failed", error);
  }
}

/** The version in force on the target channel; the installed package must not ask for another instantiation policy. */
function instantiatedVersion(
  services: ShimServices,
  params: TransactionParams,
  name: string,
): string {
  const { simulator } = params;
  if (simulator === undefined) throw new DenimError("no-simulator", "no ledger context");
  const definition = services.definitions.chaincodeDefinition(name, simulator);
  const { version } = definition;
  const installed = services.installedInstantiationPolicy(name, version);
  if (installed !== undefined && !equal(installed, definition.instantiationPolicy)) {
    throw new DenimError(
      "instantiation-policy-mismatch",
      `Instantiation policy mismatch for cc ${name}/${version}`,
      { chaincode: name, version },
    );
  }
  return version;
}
