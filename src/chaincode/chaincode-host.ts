/** ChaincodeSupport as the composition root and operations see it. */
import type {
  ChaincodeMessage,
  ChaincodeSupport as ChaincodeSupportService,
} from "../gen/peer/chaincode_shim_pb.ts";
import type { ServiceHandlers } from "../rpc/types.ts";
import type { ChaincodeRuntime } from "../runtime/types.ts";
import type { Attachments } from "./attachments.ts";
import type { LaunchHistory } from "./launch-history.ts";
import type { LaunchRecord } from "./launch-record.ts";
import type { ChaincodeSupport } from "./types.ts";

/** A connected instance, for `chaincode ps`. */
export interface ConnectedChaincode {
  readonly instance: string;
  readonly name: string;
  readonly version: string;
  /** Number of its launch; undefined for chaincode that the user started. */
  readonly launch: number | undefined;
  /** It was launched by an instantiate or upgrade, whose commit may be still to come. */
  readonly forDeployment: boolean;
  /** Undefined for chaincode that the user started. */
  readonly runtime: ChaincodeRuntime["kind"] | undefined;
  readonly instanceId: string | undefined;
  readonly activeTransactions: number;
}

/** ChaincodeSupport with what the composition root and operations need beside it. */
export interface ChaincodeHost extends ChaincodeSupport {
  /** For `RpcServer.register(ChaincodeSupport, …)` of the chaincode listener. */
  readonly service: ServiceHandlers<typeof ChaincodeSupportService>;
  connected(): ConnectedChaincode[];
  /** The last launches: records, output, events. */
  readonly launches: LaunchHistory;
  /** The last launches, oldest first. */
  launchRecords(name?: string): LaunchRecord[];
  /** Stops an instance once it has no transactions, after `maxDrainMs` in any case. */
  retire(name: string, version: string): Promise<void>;
  /** Stops an instance where it runs, and launches it whatever its past. @throws DenimError as `launch` */
  restart(name: string, version: string, signal?: AbortSignal): Promise<LaunchRecord | undefined>;
  /** The peer's side of the stream with a chaincode service that it has dialled. */
  readonly serveDialled: (
    instance: string,
    messages: AsyncIterable<ChaincodeMessage>,
  ) => AsyncIterable<ChaincodeMessage>;
  /** Chaincode that administrators run themselves. */
  readonly attachments: Attachments;
  /** Stops every instance this peer launched and ends every stream. */
  close(): Promise<void>;
}
