/** The dialling side of a gossip stream: introduces itself, sends messages, waits for their acknowledgements. */
import { Deferred, withDeadline } from "../base/async.ts";
import { equal } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import {
  type Envelope,
  Gossip,
  GossipMessageSchema,
  type RemotePvtDataResponse,
} from "../gen/gossip/message_pb.ts";
import type { Identity } from "../msp/types.ts";
import { tryDecode } from "../protocol/decode.ts";
import type { ClientStream, RpcClient } from "../rpc/types.ts";
import { type ConnectionIdentity, connEstablish } from "./conn-establish.ts";
import { checkConnEstablish } from "./handshake.ts";

/** How long the other side may take to introduce itself (`peer.gossip.connTimeout`). */
export const defaultIntroductionTimeoutMs = 2_000;

export interface GossipConnectionOptions {
  /** Closed with the connection. */
  readonly client: RpcClient;
  readonly identity: ConnectionIdentity;
  /** Whom this side means to speak to. */
  readonly expectedPkiId: Uint8Array;
  /** See `HandshakeRules`. */
  identityOf(serialized: Uint8Array): Identity;
}

export class GossipConnection {
  readonly #stream: ClientStream<Envelope, Envelope>;
  readonly #introduced = new Deferred<void>();
  readonly #awaited = new Map<bigint, Deferred<void>>();
  readonly #reading: Promise<void>;
  #lastRequest: Promise<unknown> = Promise.resolve();
  /** Requests that wait for their answer, or for their turn. */
  #requests = 0;
  #asking: Deferred<RemotePvtDataResponse> | undefined;
  #ended: unknown;

  constructor(private readonly options: GossipConnectionOptions) {
    this.#stream = options.client.stream(Gossip.method.gossipStream);
    this.#reading = this.#read();
  }

  /** Has the stream ended? Another connection has to be made then. */
  get closed(): boolean {
    return this.#ended !== undefined;
  }

  /** Nothing waits for an acknowledgement or an answer. */
  get idle(): boolean {
    return this.#awaited.size === 0 && this.#requests === 0;
  }

  /** Sends, and resolves when the other side has acknowledged. @throws why it has not within `timeoutMs` */
  async sendWithAck(envelope: Envelope, nonce: bigint, timeoutMs: number): Promise<void> {
    const acknowledged = new Deferred<void>();
    this.#awaited.set(nonce, acknowledged);
    try {
      const all = async () => {
        if (this.#ended !== undefined) throw this.#ended;
        await withDeadline(
          this.#introduced.promise,
          defaultIntroductionTimeoutMs,
          "gossip introduction",
        );
        await this.#stream.send(envelope);
        await acknowledged.promise;
      };
      await withDeadline(all(), timeoutMs, "acknowledgement");
    } finally {
      this.#awaited.delete(nonce);
    }
  }

  /** Asks for private data; one request at a time. @throws why there is no answer within `timeoutMs` */
  async request(envelope: Envelope, timeoutMs: number): Promise<RemotePvtDataResponse> {
    const before = this.#lastRequest;
    const answered = new Deferred<RemotePvtDataResponse>();
    const all = async () => {
      await before.catch(() => {});
      if (this.#ended !== undefined) throw this.#ended;
      await this.#introduced.promise;
      this.#asking = answered;
      await this.#stream.send(envelope);
      return await answered.promise;
    };
    this.#requests++;
    const request = withDeadline(all(), timeoutMs, "private data").finally(() => this.#requests--);
    this.#lastRequest = request;
    // An answer that comes too late must not be taken for the next one's.
    return await request.catch((error) => {
      this.#end(error);
      this.#stream.cancel();
      throw error;
    });
  }

  async close(): Promise<void> {
    this.#end(new DenimError("closed", "the connection was closed"));
    this.#stream.cancel();
    await this.#reading;
    await this.options.client.close();
  }

  async #read(): Promise<void> {
    try {
      const { identity, expectedPkiId, identityOf } = this.options;
      await this.#stream.send(connEstablish(identity));
      let introduced = false;
      for await (const envelope of this.#stream.responses) {
        if (!introduced) {
          const { pkiId } = checkConnEstablish(envelope, { identityOf, certificate: undefined });
          if (!equal(pkiId, expectedPkiId)) {
            throw new DenimError("bad-gossip-handshake", "another peer answers at this address");
          }
          introduced = true;
          this.#introduced.resolve();
          continue;
        }
        const message = tryDecode(GossipMessageSchema, envelope.payload);
        if (message?.content.case === "privateRes") this.#asking?.resolve(message.content.value);
        if (message?.content.case !== "ack") continue;
        const awaited = this.#awaited.get(message.nonce);
        const { error } = message.content.value;
        if (error === "") awaited?.resolve();
        else awaited?.reject(new DenimError("not-acknowledged", error));
      }
      throw new DenimError("closed", "the other side has hung up");
    } catch (error) {
      this.#end(error);
      this.#stream.cancel();
    }
  }

  #end(error: unknown): void {
    this.#ended ??= error;
    this.#introduced.reject(error);
    this.#asking?.reject(error);
    for (const awaited of this.#awaited.values()) awaited.reject(error);
  }
}
