/** A chaincode shim for tests: the chaincode's side of the stream, in this process. */
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { AsyncQueue, Deferred } from "../../base/async.ts";
import { text, utf8 } from "../../base/bytes.ts";
import { ChaincodeIDSchema, ChaincodeInputSchema } from "../../gen/peer/chaincode_pb.ts";
import {
  type ChaincodeMessage,
  ChaincodeMessage_Type as Type,
  ChaincodeMessageSchema,
} from "../../gen/peer/chaincode_shim_pb.ts";
import type { ChaincodeEvent } from "../../gen/peer/chaincode_event_pb.ts";
import { type Response, ResponseSchema } from "../../gen/peer/proposal_response_pb.ts";
import type { ChaincodeHost } from "../chaincode-host.ts";

/** What the test's chaincode sees of one transaction. */
export interface MiniStub {
  readonly isInit: boolean;
  readonly channelId: string;
  readonly txId: string;
  readonly args: string[];
  readonly message: ChaincodeMessage;
  readonly shim: MiniShim;
  /** Sends a request of this transaction; throws with the text of an ERROR. */
  request<D extends DescMessage>(
    type: Type,
    schema: D,
    fields: MessageShape<D>,
  ): Promise<Uint8Array>;
  event: ChaincodeEvent | undefined;
}

export type MiniChaincode = (stub: MiniStub) => Promise<Response> | Response;

export function ok(payload: Uint8Array | string = ""): Response {
  const bytes = typeof payload === "string" ? utf8(payload) : payload;
  return create(ResponseSchema, { status: 200, payload: bytes });
}

export class MiniShim {
  readonly toPeer = new AsyncQueue<ChaincodeMessage>();
  /** Everything the peer sent, in order. */
  readonly received: ChaincodeMessage[] = [];
  readonly ready = new Deferred<void>();
  /** Settles when the peer has ended the stream; with its error where there was one. */
  readonly ended: Promise<unknown>;
  readonly #pending = new Map<string, Deferred<Uint8Array>>();

  constructor(
    host: ChaincodeHost,
    readonly instance: string,
    private readonly chaincode: MiniChaincode,
    certificate?: Uint8Array,
  ) {
    const register = host.service.register;
    if (register === undefined) throw new Error("no register handler");
    const answers = register(this.toPeer, {
      method: "/protos.ChaincodeSupport/Register",
      remoteAddress: "test",
      clientCertificate: certificate,
      signal: new AbortController().signal,
      headers: {},
      deadline: undefined,
    });
    this.ended = this.#read(answers).then(() => undefined, (error) => error);
    this.ended.then((error) => this.ready.reject(error ?? new Error("stream ended")));
  }

  register(): Promise<void> {
    const id = create(ChaincodeIDSchema, { name: this.instance });
    this.send({ type: Type.REGISTER, payload: toBinary(ChaincodeIDSchema, id) });
    return this.ready.promise;
  }

  send(fields: Partial<Omit<ChaincodeMessage, "$typeName">>): void {
    this.toPeer.push(create(ChaincodeMessageSchema, fields));
  }

  /** The chaincode's process dies: its stream ends. */
  hangUp(): void {
    this.toPeer.close();
  }

  async #read(answers: AsyncIterable<ChaincodeMessage>): Promise<void> {
    for await (const message of answers) {
      this.received.push(message);
      switch (message.type) {
        case Type.READY:
          this.ready.resolve();
          break;
        case Type.INIT:
        case Type.TRANSACTION:
          void this.#run(message);
          break;
        case Type.RESPONSE:
          this.#pending.get(key(message))?.resolve(message.payload);
          break;
        case Type.ERROR:
          this.#pending.get(key(message))?.reject(new Error(text(message.payload)));
          break;
      }
    }
  }

  async #run(message: ChaincodeMessage): Promise<void> {
    const { channelId, txid } = message;
    const stub: MiniStub = {
      isInit: message.type === Type.INIT,
      channelId,
      txId: txid,
      args: fromBinary(ChaincodeInputSchema, message.payload).args.map(text),
      message,
      shim: this,
      event: undefined,
      request: (type, schema, fields) => {
        const answer = new Deferred<Uint8Array>();
        this.#pending.set(key(message), answer);
        this.send({ type, channelId, txid, payload: toBinary(schema, fields) });
        return answer.promise;
      },
    };
    try {
      const response = await this.chaincode(stub);
      if (stub.isInit && response.status >= 500) throw new Error(response.message);
      this.send({
        type: Type.COMPLETED,
        payload: toBinary(ResponseSchema, response),
        channelId,
        txid,
        chaincodeEvent: stub.event,
      });
    } catch (error) {
      const payload = utf8(error instanceof Error ? error.message : String(error));
      this.send({ type: Type.ERROR, payload, channelId, txid, chaincodeEvent: stub.event });
    }
  }
}

function key({ channelId, txid }: ChaincodeMessage): string {
  return `${channelId}/${txid}`;
}
