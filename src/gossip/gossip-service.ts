/**
 * The gossip port of a peer that does not gossip yet: Go peers that knock get a truthful answer,
 * and neither side's log fills up. Mirrors the server side of gossip/comm/comm_impl.go.
 *
 * A refusal with UNIMPLEMENTED makes a Go peer warn twice, with a stack trace, every 25 s for 50
 * minutes, and once more for every configuration update. So we answer what is true: yes, somebody
 * is here (Ping); this is who (the handshake of `conn-establish.ts`); asked for the members we
 * know, none. With that a Go peer is content: it learns no member from us, so it sends us no
 * blocks, no private data and no requests, and it does not ask again until it restarts or the
 * configuration changes.
 *
 * What gossip itself will need, and where each part goes:
 * - Identity: `conn-establish.ts` makes the first message of a connection, `handshake.ts` checks the
 *   other side's, `gossip-connection.ts` is the dialling side; known identities by PKI id get a
 *   store of their own.
 * - Membership: `Membership` in discovery/types.ts is what others ask. Today only the peer itself
 *   is in it; a view made of alive and state-info messages will implement the same interface, and
 *   the empty membership response below becomes that view.
 * - State transfer: blocks reach the ledger through one door, `DeliverClientOptions.onBlock` in
 *   commit/ (verified, in order, exactly once). Blocks from peers enter through the same door, with
 *   `verifyBlock` first; the deliver client is asked to stop where another peer of the organisation
 *   leads.
 * - Private data works already, with gossip's messages, between peers that know each other:
 *   endorsers push it (`private-data-distributor.ts`), `private-data-receiver.ts` takes it into the
 *   transient store; commit/private-data.ts decides what is missing and whether this peer may have
 *   it (`CollectionEligibility`); `private-data-puller.ts` asks others for it before the commit and
 *   `private-data-reconciler.ts` afterwards, `private-data-source.ts` answers. Where membership
 *   comes from is all that will change.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { hex } from "../base/bytes.ts";
import {
  type ConnEstablish,
  EmptySchema,
  type Envelope,
  EnvelopeSchema,
  Gossip,
  type GossipMessage,
  GossipMessage_Tag,
  GossipMessageSchema,
} from "../gen/gossip/message_pb.ts";
import { decodeSerializedIdentity } from "../msp/serialized-identity.ts";
import { tryDecode } from "../protocol/decode.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import type { CallContext, RpcServer } from "../rpc/types.ts";
import { type ConnectionIdentity, connEstablish } from "./conn-establish.ts";
import { checkConnEstablish, type HandshakeRules, type RemotePeer } from "./handshake.ts";
import type { PrivateDataReceiver } from "./private-data-receiver.ts";
import type { PrivateDataSource } from "./private-data-source.ts";

/** Streams open at one time; a Go peer keeps one. */
export const defaultMaxStreams = 1_000;

/** A stream on which nobody has introduced himself by then is ended. */
export const defaultHandshakeTimeoutMs = 10_000;

/** Callers that are remembered as logged; beyond that all are forgotten. */
const maxLoggedCallers = 1_000;

export interface GossipServiceOptions {
  readonly identity: ConnectionIdentity;
  /** Takes private data of callers that have proved who they are; undefined: it is passed over. */
  readonly privateData?: PrivateDataReceiver;
  /** Answers callers that ask for private data they may hold; undefined: they are not answered. */
  readonly privateDataSource?: PrivateDataSource;
  /** See `HandshakeRules`; needed for private data. */
  readonly identityOf?: HandshakeRules["identityOf"];
  readonly logger: Logger;
  readonly maxStreams?: number;
  readonly handshakeTimeoutMs?: number;
}

/** Registers the answer of a peer that is no member of gossip. */
export function registerGossip(server: RpcServer, options: GossipServiceOptions): void {
  const service = new GossipService(options);
  server.register(Gossip, {
    ping: () => create(EmptySchema),
    gossipStream: (requests, context) => service.serve(requests, context),
  });
}

class GossipService {
  readonly #options: GossipServiceOptions;
  readonly #logger: Logger;
  readonly #logged = new Set<string>();
  #streams = 0;

  constructor(options: GossipServiceOptions) {
    this.#options = options;
    this.#logger = options.logger.named("gossip.comm");
  }

  /** Introduces this peer, then knows nobody for as long as the caller stays. */
  async *serve(
    requests: AsyncIterable<Envelope>,
    { remoteAddress, clientCertificate }: CallContext,
  ): AsyncGenerator<Envelope> {
    const { identity, maxStreams = defaultMaxStreams } = this.#options;
    if (this.#streams >= maxStreams) {
      throw new RpcError(GrpcStatus.RESOURCE_EXHAUSTED, "too many gossip streams", { maxStreams });
    }
    this.#streams++;
    try {
      const messages = requests[Symbol.asyncIterator]();
      const first = await this.#introduction(messages);
      if (first === undefined) return;
      this.#noteCaller(first.introduction, remoteAddress);
      yield connEstablish(identity);
      const caller = this.#proof(first.envelope, clientCertificate);
      for (let next = await messages.next(); !next.done; next = await messages.next()) {
        const message = tryDecode(GossipMessageSchema, next.value.payload);
        if (message?.content.case === "memReq") yield noMembers(message);
        if (message === undefined) continue;
        const answer = this.#options.privateData?.receive(message, caller) ??
          this.#options.privateDataSource?.answer(message, caller);
        if (answer !== undefined) yield answer;
      }
    } finally {
      this.#streams--;
    }
  }

  /** The caller's first message; undefined where it left without a word. @throws RpcError */
  async #introduction(
    messages: AsyncIterator<Envelope>,
  ): Promise<{ envelope: Envelope; introduction: ConnEstablish } | undefined> {
    const { handshakeTimeoutMs = defaultHandshakeTimeoutMs } = this.#options;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const silent = new RpcError(
        GrpcStatus.DEADLINE_EXCEEDED,
        "timed out waiting for connection message",
        { handshakeTimeoutMs },
      );
      timer = setTimeout(() => reject(silent), handshakeTimeoutMs);
    });
    const first = await Promise.race([messages.next(), late]).finally(() => clearTimeout(timer));
    if (first.done) return undefined;
    const content = tryDecode(GossipMessageSchema, first.value.payload)?.content;
    if (content?.case !== "conn") throw new RpcError(GrpcStatus.UNKNOWN, "Wrong type");
    return { envelope: first.value, introduction: content.value };
  }

  /** Who the caller is, proved when it first matters. */
  #proof(envelope: Envelope, clientCertificate: Uint8Array | undefined): () => RemotePeer {
    const { identityOf, identity } = this.#options;
    let proved: RemotePeer | undefined;
    return () => {
      if (identityOf === undefined) throw new DenimError("unsupported", "callers are not known");
      if (identity.tlsCertificateHash !== undefined && clientCertificate === undefined) {
        throw new DenimError("bad-gossip-handshake", "No TLS certificate");
      }
      return proved ??= checkConnEstablish(envelope, {
        identityOf,
        certificate: clientCertificate,
      });
    };
  }

  /** One line per caller: who it says it is has not been checked, and nothing depends on it. */
  #noteCaller({ identity, pkiId }: ConnEstablish, remoteAddress: string): void {
    const key = hex(pkiId.subarray(0, 32));
    const level = this.#logged.has(key) ? "debug" : "info";
    if (this.#logged.size >= maxLoggedCallers) this.#logged.clear();
    this.#logged.add(key);
    this.#logger[level](
      "A peer asks for gossip: it is told that this peer is no member, and takes its blocks " +
        "from the ordering service alone",
      { remoteAddress, claimedMsp: claimedMsp(identity) },
    );
  }
}

/** The answer to a membership request that asks for nothing more and teaches no member. */
function noMembers({ nonce }: GossipMessage): Envelope {
  const message = create(GossipMessageSchema, {
    nonce,
    tag: GossipMessage_Tag.EMPTY,
    content: { case: "memRes", value: {} },
  });
  return create(EnvelopeSchema, { payload: toBinary(GossipMessageSchema, message) });
}

function claimedMsp(identity: Uint8Array): string {
  try {
    return decodeSerializedIdentity(identity).mspid.slice(0, 100);
  } catch {
    return "unknown"; // it is only a word in a log line
  }
}
