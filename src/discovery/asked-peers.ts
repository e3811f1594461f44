/**
 * Peers of other processes, found without gossip: the Discovery services of anchor and bootstrap
 * peers are asked again and again, as a member of the channel.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { sleep } from "../base/async.ts";
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { Membership as MembershipService } from "../gen/denim/membership_pb.ts";
import {
  Discovery,
  type QueryResult,
  RequestSchema,
  type SignedRequest,
  SignedRequestSchema,
} from "../gen/discovery/protocol_pb.ts";
import type { IdentityDeserializer, SigningIdentity } from "../msp/types.ts";
import type { RpcClient } from "../rpc/types.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import { introductionOf } from "./introductions.ts";
import type { SelfDescription } from "./self-description.ts";
import { checkToldPeer, type ToldPeer } from "./told-peer.ts";
import { maxToldPeers, ToldPeers } from "./told-peers.ts";
import type { Membership, PeerMember } from "./types.ts";

/** A peer to be asked. */
export interface AskedPeer {
  /** host:port */
  readonly address: string;
  /** The organisation that it belongs to, and whose TLS certificate it shows. */
  readonly mspId: string;
  readonly channelIds: readonly string[];
}

export interface AskedPeersTiming {
  /** Between two rounds. */
  readonly refreshMs: number;
  /** How long a peer stays known without a sign of life; several rounds. */
  readonly staleAfterMs: number;
  /** Longest pause after failures; it doubles from `refreshMs`. */
  readonly maxBackoffMs: number;
  readonly answerTimeoutMs: number;
}

export const defaultTiming: AskedPeersTiming = {
  refreshMs: 5_000,
  staleAfterMs: 25_000,
  maxBackoffMs: 60_000,
  answerTimeoutMs: 5_000,
};

export interface AskedPeersOptions {
  /** Whom to ask now: without this peer itself, each address once. */
  peers(): readonly AskedPeer[];
  /** Dials one of them. */
  connect(peer: AskedPeer): RpcClient;
  readonly signer: SigningIdentity;
  /** What a person can do where `signer` is denied access. */
  readonly deniedHint?: string;
  /** SHA-256 of the TLS certificate that `connect` shows. */
  readonly tlsCertificateHash: Uint8Array | undefined;
  /** The MSPs of a channel; undefined for one that this peer has not joined. */
  identities(channelId: string): IdentityDeserializer | undefined;
  readonly self: SelfDescription;
  readonly timing?: Partial<AskedPeersTiming>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How Discovery refuses those that it does not answer. */
const isDenied = /access denied/;

/** What is remembered of a peer that is asked. */
interface Conversation {
  readonly client: RpcClient;
  readonly key: string;
  /** The same bytes each time, so that the answering peer can remember its verdict. */
  readonly request: SignedRequest;
  failures: number;
  notBefore: number;
  /** What was last complained about: each complaint is logged once. */
  complaint: string;
  /** False once it has said that it knows no introductions, as Go peers do. */
  introduces: boolean;
}

export class AskedPeers implements Membership {
  readonly #told: ToldPeers;
  readonly #timing: AskedPeersTiming;
  readonly #conversations = new Map<string, Conversation>();
  readonly #closing = new AbortController();
  #nextRound = new AbortController();
  #running: Promise<void> | undefined;

  constructor(private readonly options: AskedPeersOptions) {
    this.#timing = { ...defaultTiming, ...options.timing };
    this.#told = new ToldPeers(options.self.pkiId, this.#timing.staleAfterMs, options.clock);
  }

  localPeers(): readonly PeerMember[] {
    return this.#told.localPeers();
  }

  channelPeers(channelId: string): readonly PeerMember[] {
    return this.#told.channelPeers(channelId);
  }

  /** Takes in a peer that has introduced itself. */
  add(channelId: string, told: ToldPeer): void {
    this.#told.add(channelId, told);
  }

  /** Begins to ask. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Asks at once: a channel was joined or its configuration has changed. */
  refresh(): void {
    this.#nextRound.abort();
  }

  /** Ends asking and hangs up. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#nextRound.abort();
    for (const { client } of this.#conversations.values()) await client.close();
    this.#conversations.clear();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      this.#nextRound = new AbortController();
      try {
        await this.#round();
      } catch (error) {
        this.options.logger.warn(`peers could not be asked: ${messageOf(error)}`);
      }
      if (!signal.aborted) await sleep(this.#timing.refreshMs, this.#nextRound.signal);
    }
  }

  async #round(): Promise<void> {
    const peers = this.options.peers();
    const addresses = new Set(peers.map(({ address }) => address));
    for (const [address, { client }] of this.#conversations) {
      if (addresses.has(address)) continue;
      this.#conversations.delete(address);
      await client.close();
    }
    await Promise.all(peers.map((peer) => this.#ask(peer)));
  }

  async #ask(peer: AskedPeer): Promise<void> {
    const conversation = await this.#conversationWith(peer);
    if (this.options.clock.now() < conversation.notBefore || this.#closing.signal.aborted) return;
    try {
      await this.#introduce(peer, conversation);
      const { results } = await conversation.client.unary(
        Discovery.method.discover,
        conversation.request,
        { timeoutMs: this.#timing.answerTimeoutMs, signal: this.#closing.signal },
      );
      const complaints = peer.channelIds.flatMap((channelId, i) =>
        this.#takeIn(peer, channelId, results[i])
      );
      if (complaints.length === peer.channelIds.length && complaints.length > 0) {
        throw new DenimError("no-peers-told", complaints[0]);
      }
      this.#succeeded(peer, conversation, complaints[0] ?? "");
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#failed(peer, conversation, messageOf(error));
    }
  }

  /** So that a peer which nobody asks is known, too. */
  async #introduce(peer: AskedPeer, conversation: Conversation): Promise<void> {
    const { self } = this.options;
    const introduction = conversation.introduces &&
      introductionOf((channelId) => self.memberIn(channelId), peer.channelIds);
    if (!introduction) return;
    try {
      await conversation.client.unary(MembershipService.method.introduce, introduction, {
        timeoutMs: this.#timing.answerTimeoutMs,
        signal: this.#closing.signal,
      });
    } catch (error) {
      if (!(error instanceof RpcError) || error.status !== GrpcStatus.UNIMPLEMENTED) throw error;
      conversation.introduces = false;
    }
  }

  async #conversationWith(peer: AskedPeer): Promise<Conversation> {
    const key = JSON.stringify([peer.mspId, ...peer.channelIds]);
    const known = this.#conversations.get(peer.address);
    if (known?.key === key) return known;
    this.#conversations.delete(peer.address);
    await known?.client.close();
    const conversation: Conversation = {
      client: this.options.connect(peer),
      key,
      request: this.#request(peer.channelIds),
      failures: 0,
      notBefore: 0,
      complaint: "",
      introduces: true,
    };
    this.#conversations.set(peer.address, conversation);
    return conversation;
  }

  #request(channelIds: readonly string[]): SignedRequest {
    const { signer, tlsCertificateHash } = this.options;
    const payload = toBinary(
      RequestSchema,
      create(RequestSchema, {
        authentication: {
          clientIdentity: signer.serialized,
          clientTlsCertHash: tlsCertificateHash,
        },
        queries: channelIds.map((channel) => ({
          channel,
          query: { case: "peerQuery" as const, value: {} },
        })),
      }),
    );
    return create(SignedRequestSchema, { payload, signature: signer.sign(payload) });
  }

  /** Remembers the peers of one answer; gives what is wrong with it, if anything. */
  #takeIn(asked: AskedPeer, channelId: string, answer: QueryResult | undefined): string[] {
    if (answer?.result.case === "error") return [`[${channelId}] ${answer.result.value.content}`];
    if (answer?.result.case !== "members") return [`[${channelId}] it does not answer`];
    const identities = this.options.identities(channelId);
    if (identities === undefined) return [];
    const rules = { channelId, identities, askedMspId: asked.mspId };
    const peers = Object.values(answer.result.value.peersByOrg).flatMap(({ peers }) => peers);
    for (const peer of peers.slice(0, maxToldPeers)) {
      try {
        this.#told.add(channelId, checkToldPeer(peer, rules));
      } catch (error) {
        this.options.logger.debug(
          `[${channelId}] ${asked.address} tells of a peer that is left out: ${messageOf(error)}`,
        );
      }
    }
    return [];
  }

  #succeeded(peer: AskedPeer, conversation: Conversation, complaint: string): void {
    if (conversation.failures > 0) this.options.logger.info(`${peer.address} answers again`);
    conversation.failures = 0;
    this.#complain(peer, conversation, complaint);
  }

  #failed(peer: AskedPeer, conversation: Conversation, reason: string): void {
    const { refreshMs, maxBackoffMs } = this.#timing;
    conversation.failures++;
    conversation.introduces = true; // another program may be there next time
    const pauseMs = Math.min(maxBackoffMs, refreshMs * 2 ** Math.min(conversation.failures, 20));
    conversation.notBefore = this.options.clock.now() + pauseMs;
    this.#complain(peer, conversation, reason);
  }

  #complain({ address, mspId }: AskedPeer, conversation: Conversation, complaint: string): void {
    if (complaint === conversation.complaint) return;
    conversation.complaint = complaint;
    if (complaint === "") return;
    const { deniedHint: hint } = this.options;
    this.options.logger.warn(
      `${address} of ${mspId} does not tell which peers there are: ${complaint}; it is asked again ` +
        "from time to time",
      { address, mspId, ...(hint !== undefined && isDenied.test(complaint) ? { hint } : {}) },
    );
  }
}
