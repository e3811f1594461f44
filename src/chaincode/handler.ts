/**
 * The peer's side of one chaincode stream. Mirrors core/chaincode/handler.go: REGISTER is answered
 * with REGISTERED and READY; from then on transactions go out, and the chaincode's requests about
 * them come in.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import { Deadlines } from "../base/deadlines.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { ChaincodeIDSchema, ChaincodeSpecSchema } from "../gen/peer/chaincode_pb.ts";
import {
  type ChaincodeMessage,
  ChaincodeMessage_Type as Type,
} from "../gen/peer/chaincode_shim_pb.ts";
import { chaincodeMessage } from "./chaincode-message.ts";
import { parseChaincodeName, shortTxId } from "./chaincode-name.ts";
import type { HandlerRegistry } from "./handler-registry.ts";
import type { ChaincodeMetrics } from "./metrics.ts";
import type { Outbox } from "./outbox.ts";
import type { ShimOperation, ShimServices } from "./shim-call.ts";
import { shimOperations } from "./shim-operations.ts";
import { contextKey, type TransactionContext, TransactionContexts } from "./transaction-context.ts";
import type { TransactionParams } from "./types.ts";

/** Longest `name:version` a chaincode may register under. */
export const maxInstanceNameLength = 512;

export type HandlerState = "created" | "established" | "ready" | "closed";

export interface Execution {
  readonly type: Type.INIT | Type.TRANSACTION;
  readonly params: TransactionParams;
  /** Serialized ChaincodeInput. */
  readonly input: Uint8Array;
  readonly timeoutMs: number;
}

export class Handler {
  #state: HandlerState = "created";
  #instance = "";
  #chaincodeName = "";
  readonly #contexts = new TransactionContexts();
  readonly #deadlines = new Deadlines();
  /** Transactions with a request that is still being served. */
  readonly #busy = new Set<string>();

  constructor(
    private readonly outbox: Outbox,
    private readonly registry: HandlerRegistry,
    private readonly services: ShimServices,
    private readonly logger: Logger,
    private readonly metrics?: ChaincodeMetrics,
  ) {}

  get state(): HandlerState {
    return this.#state;
  }

  /** `name:version` as registered; "" before that. */
  get instance(): string {
    return this.#instance;
  }

  /** Executions in flight. */
  get activeTransactions(): number {
    return this.#contexts.size;
  }

  /** Takes one message of the chaincode. @throws DenimError where the stream must end */
  handle(message: ChaincodeMessage): void {
    if (message.type === Type.KEEPALIVE) return;
    switch (this.#state) {
      case "created":
        return this.#handleCreated(message);
      case "ready":
        return this.#handleReady(message);
      default:
        throw new DenimError(
          "wrong-state",
          `handle message: invalid state ${this.#state} for transaction ${message.txid}`,
        );
    }
  }

  keepalive(): void {
    this.outbox.send(chaincodeMessage(Type.KEEPALIVE));
  }

  /**
   * Sends a transaction and waits for COMPLETED or ERROR.
   *
   * @throws DenimError `execute-timeout`, `cancelled`, `chaincode-stream-terminated`, `transaction-exists`
   */
  async execute({ type, params, input, timeoutMs }: Execution): Promise<ChaincodeMessage> {
    const { channelId, txId, signal } = params;
    if (this.#state !== "ready") throw streamTerminated(this.#instance);
    const context = this.#contexts.create(params, type === Type.INIT);
    const cancelled = () =>
      context.response.reject(
        new DenimError("cancelled", "the caller went away while executing transaction", { txId }),
      );
    const deadline = this.#deadlines.begin(timeoutMs, () => {
      this.metrics?.executeTimeout(this.#instance);
      context.response.reject(
        new DenimError("execute-timeout", "timeout expired while executing transaction", {
          chaincode: this.#instance,
          txId,
          timeoutMs,
        }, "Raise chaincode.executetimeout, or look for what holds the chaincode up."),
      );
    });
    signal?.addEventListener("abort", cancelled, { once: true });
    try {
      if (params.proposal !== undefined && params.signedProposal === undefined) {
        throw new DenimError(
          "no-signed-proposal",
          "failed getting proposal context. Signed proposal is nil",
        );
      }
      if (signal?.aborted) cancelled();
      else {
        const message = chaincodeMessage(type, input, { channelId, txid: txId });
        if (params.proposal !== undefined) message.proposal = params.signedProposal;
        this.outbox.send(message);
      }
      return await context.response.promise;
    } finally {
      this.#deadlines.cancel(deadline);
      signal?.removeEventListener("abort", cancelled);
      this.#contexts.delete(context);
    }
  }

  /** The stream has ended: deregisters and gives up all executions. Safe to call twice. */
  close(reason: DenimError = streamTerminated(this.#instance)): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.registry.deregister(this.#instance, this);
    this.#contexts.failAll(reason);
    this.outbox.end();
  }

  #handleCreated(message: ChaincodeMessage): void {
    if (message.type !== Type.REGISTER) throw this.#unexpected(message);
    const instance = registeredName(message.payload);
    this.registry.register(instance, this);
    this.#instance = instance;
    this.#chaincodeName = parseChaincodeName(instance).name;
    this.outbox.send(chaincodeMessage(Type.REGISTERED));
    this.#state = "established";
    this.outbox.send(chaincodeMessage(Type.READY));
    this.#state = "ready";
    this.logger.debug("chaincode registered", { instance });
    this.registry.ready(instance, this);
  }

  #handleReady(message: ChaincodeMessage): void {
    if (message.type === Type.COMPLETED || message.type === Type.ERROR) {
      this.#complete(message);
      return;
    }
    const operation = shimOperations.get(message.type);
    if (operation === undefined) throw this.#unexpected(message);
    this.#serve(message, operation);
  }

  #unexpected(message: ChaincodeMessage): DenimError {
    return new DenimError(
      "wrong-state",
      `[${message.txid}] Fabric side handler cannot handle message (${
        typeName(message.type)
      }) while in ${this.#state} state`,
      { instance: this.#instance, type: message.type, state: this.#state },
    );
  }

  #complete(message: ChaincodeMessage): void {
    const context = this.#contexts.get(message.channelId, message.txid);
    if (context === undefined) {
      this.logger.debug("answer to a transaction that is over", this.#about(message));
      return;
    }
    context.response.resolve(message);
    // At once, and not when the waiting caller runs: no later message may read through them.
    this.#contexts.delete(context);
  }

  /** Serves one request; further ones of the same transaction are dropped until it is answered, as in Fabric. */
  #serve(message: ChaincodeMessage, operation: ShimOperation): void {
    const key = contextKey(message.channelId, message.txid);
    if (this.#busy.has(key)) {
      this.logger.error(
        `[${shortTxId(message.txid)}] Another request pending for this CC: ${this.#instance}, ` +
          `Txid: ${message.txid}, ChannelID: ${message.channelId}. Cannot process.`,
      );
      return;
    }
    const served = this.metrics?.shimRequest(
      typeName(message.type),
      message.channelId,
      this.#instance,
    );
    let result: Uint8Array | Promise<Uint8Array>;
    try {
      const context = this.#contextFor(message);
      const { services } = this;
      result = operation({ chaincodeName: this.#chaincodeName, message, context, services });
    } catch (error) {
      this.#refuse(message, error);
      served?.(false);
      return;
    }
    if (result instanceof Uint8Array) {
      this.#reply(message, Type.RESPONSE, result);
      served?.(true);
      return;
    }
    this.#busy.add(key);
    result.then(
      (payload) => {
        this.#busy.delete(key);
        this.#reply(message, Type.RESPONSE, payload);
        served?.(true);
      },
      (error) => {
        this.#busy.delete(key);
        this.#refuse(message, error);
        served?.(false);
      },
    );
  }

  /** The execution a request belongs to. @throws DenimError: a chaincode speaks only for its own transactions */
  #contextFor(message: ChaincodeMessage): TransactionContext {
    const { channelId, txid, type } = message;
    const context = this.#contexts.get(channelId, txid);
    const calls = type === Type.INVOKE_CHAINCODE;
    // Without a channel there is no simulator, yet a system chaincode may be asked.
    if (calls && channelId === "" && this.#callsSystemChaincode(message)) {
      if (context !== undefined) return context;
      throw new DenimError("no-such-transaction", "failed to get transaction context");
    }
    if (context?.params.simulator !== undefined) return context;
    throw new DenimError(
      "no-such-transaction",
      calls ? "could not get valid transaction" : "no ledger context",
    );
  }

  #callsSystemChaincode(message: ChaincodeMessage): boolean {
    try {
      const name = fromBinary(ChaincodeSpecSchema, message.payload).chaincodeId?.name ?? "";
      return this.services.systemChaincodes.isSystemChaincode(parseChaincodeName(name).name);
    } catch {
      return false; // The operation decodes it again and reports what is wrong.
    }
  }

  #refuse(message: ChaincodeMessage, error: unknown): void {
    const text = `${typeName(message.type)} failed: transaction ID: ${message.txid}: ${
      messageOf(error)
    }`;
    this.logger.error(`[${shortTxId(message.txid)}] ${text}`, this.#about(message));
    this.#reply(message, Type.ERROR, utf8(text));
  }

  #reply(request: ChaincodeMessage, type: Type, payload: Uint8Array): void {
    this.outbox.send(chaincodeMessage(type, payload, request));
  }

  #about(message: ChaincodeMessage): Record<string, unknown> {
    return {
      instance: this.#instance,
      channelId: message.channelId,
      txId: message.txid,
      type: typeName(message.type),
    };
  }
}

function registeredName(payload: Uint8Array): string {
  let name: string;
  try {
    name = fromBinary(ChaincodeIDSchema, payload).name;
  } catch (error) {
    throw new DenimError(
      "malformed-message",
      `could not unmarshal registration info: ${messageOf(error)}`,
      {},
      undefined,
      { cause: error },
    );
  }
  if (name === "" || name.length > maxInstanceNameLength) {
    throw new DenimError(
      "malformed-message",
      `registration with a chaincode name of ${name.length} characters; 1 to ${maxInstanceNameLength} are accepted`,
    );
  }
  return name;
}

/** Fabric 2's text; 1.4.2 has none because it waits for the execute timeout. */
function streamTerminated(instance: string): DenimError {
  return new DenimError("chaincode-stream-terminated", "chaincode stream terminated", { instance });
}

/** `GET_STATE`, or the number of a type that does not exist. */
function typeName(type: Type): string {
  return Type[type] ?? String(type);
}
