/** One request of a chaincode, and what serving it needs. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import type { Bundle } from "../channel/types.ts";
import type { ChaincodeInput } from "../gen/peer/chaincode_pb.ts";
import type { ChaincodeMessage } from "../gen/peer/chaincode_shim_pb.ts";
import type { PeerLedger, TxSimulator } from "../ledger/types.ts";
import type { AclProvider } from "../channel/types.ts";
import { decodeWire } from "../protocol/wire-decoder.ts";
import { requireReadAccess, type SignaturePolicyCompiler } from "./collection-access.ts";
import type { TransactionContext } from "./transaction-context.ts";
import type { DefinitionSource, SystemChaincodeRegistry, TransactionParams } from "./types.ts";
import { wrapError } from "./wrap-error.ts";

/** The rest of the peer as requests of chaincode see it. */
export interface ShimServices {
  /** Rows that one query may return in all; `ledger.state.totalQueryLimit`. */
  readonly totalQueryLimit: number;
  readonly acl: AclProvider;
  readonly definitions: DefinitionSource;
  /** Iterator ids: unique within the transaction, opaque to the chaincode. */
  newQueryId(): string;
  /** The configuration in force; undefined for a channel this peer has not joined. */
  bundle(channelId: string): Bundle | undefined;
  ledger(channelId: string): PeerLedger | undefined;
  readonly systemChaincodes: SystemChaincodeRegistry;
  signaturePolicy: SignaturePolicyCompiler;
  /** The instantiation policy in the installed package; undefined where it has none. @throws DenimError when it is not installed */
  installedInstantiationPolicy(name: string, version: string): Uint8Array | undefined;
  /** Launches where needed and executes on behalf of another chaincode; gives its last message. */
  invoke(
    params: TransactionParams,
    name: string,
    version: string,
    input: ChaincodeInput,
  ): Promise<ChaincodeMessage>;
}

export interface ShimCall {
  /** Name without version: the namespace of the calling chaincode. */
  readonly chaincodeName: string;
  readonly message: ChaincodeMessage;
  readonly context: TransactionContext;
  readonly services: ShimServices;
}

/** Gives the payload of the RESPONSE message. @throws for an ERROR message */
export type ShimOperation = (call: ShimCall) => Uint8Array | Promise<Uint8Array>;

/** @throws DenimError `malformed-message` with Fabric's prefix */
export function decode<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  try {
    return decodeWire(schema, bytes);
  } catch (error) {
    throw new DenimError(
      "malformed-message",
      wrapError("unmarshal failed", error).message,
      { message: schema.typeName },
      undefined,
      { cause: error },
    );
  }
}

/** The simulator of the transaction. @throws DenimError `no-simulator` */
export function simulatorOf(context: TransactionContext): TxSimulator {
  const { simulator } = context.params;
  if (simulator === undefined) throw new DenimError("no-simulator", "no ledger context");
  return simulator;
}

/** @throws DenimError: Init runs before its collections are committed, so private data is closed to it */
export function refusePrivateDataInInit(context: TransactionContext): void {
  if (context.isInit) {
    throw new DenimError(
      "private-data-in-init",
      "private data APIs are not allowed in chaincode Init()",
    );
  }
}

/** The checks before private data is read. @throws DenimError with Fabric's text */
export function requireCollectionRead(call: ShimCall, collection: string): void {
  const { context, chaincodeName, services } = call;
  refusePrivateDataInInit(context);
  requireReadAccess(
    context,
    chaincodeName,
    collection,
    simulatorOf(context),
    services.signaturePolicy,
  );
}
