/** Private data between peers: sent by the endorser, asked for at commit, taken and given by the gossip service. */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { hex } from "../base/bytes.ts";
import { Deferred, sleep } from "../base/async.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { KeptOpen } from "../base/kept-open.ts";
import type { Logger } from "../base/logger.ts";
import type { LogWriter } from "../base/log-writer.ts";
import { applicationReadersPath } from "../channel/group-names.ts";
import type { PeerSettings } from "../config/types.ts";
import { openTransactions } from "../commit/opened-transaction.ts";
import type { WantedPrivateData } from "../commit/private-data.ts";
import type { Membership, PeerMember } from "../discovery/types.ts";
import { type PrivateDataDistributor, storeTransiently } from "../endorser/private-data.ts";
import {
  CollectionConfigPackageSchema,
  type StaticCollectionConfig,
} from "../gen/common/collection_pb.ts";
import { SignaturePolicyEnvelopeSchema } from "../gen/common/policies_pb.ts";
import { TxPvtReadWriteSetSchema } from "../gen/ledger/rwset/rwset_pb.ts";
import { GossipConnection } from "../gossip/gossip-connection.ts";
import { createPrivateDataDistributor } from "../gossip/private-data-distributor.ts";
import { privateDataRequest } from "../gossip/private-data-exchange.ts";
import {
  type PrivateDataName,
  type PulledPrivateData,
  pullPrivateData,
} from "../gossip/private-data-puller.ts";
import { PrivateDataReconciler } from "../gossip/private-data-reconciler.ts";
import { PrivateDataSource } from "../gossip/private-data-source.ts";
import { PrivateDataReceiver } from "../gossip/private-data-receiver.ts";
import type { CommittedBlock } from "../ledger/types.ts";
import type { Identity, Msp, SigningIdentity } from "../msp/types.ts";
import { createRpcClient } from "../rpc/client.ts";
import type { Envelope } from "../gen/gossip/message_pb.ts";
import { tryDecodeAsGo } from "../protocol/go-wire.ts";
import { compilePolicyBytes } from "../validation/policy-compiler.ts";
import { tlsRootsOf } from "./asked-addresses.ts";
import type { Channels } from "./channels.ts";
import type { PeerTlsMaterial } from "./peer-tls.ts";

/** Connections kept open; of those that nobody waits for, the one used longest ago is closed for another. */
const maxConnections = 100;

/** A block waits no longer for other peers' private data. */
const pullAtCommit = { totalMs: 3_000, perPeerMs: 1_500 };

/** Peers are asked who is there every 5 s. */
const neighbourWaitMs = 8_000;
const neighbourPollMs = 50;

/** Nobody waits for what is reconciled. */
const pullLater = { totalMs: 30_000, perPeerMs: 5_000 };

/** After a pull that brought nothing the next blocks do not wait. */
const pauseAfterFailureMs = 10_000;

type PullLimits = Parameters<typeof pullPrivateData>[3];

const newNonce = () => randomBytes(8).readBigUInt64BE();

export interface PrivateDataSharingOptions {
  readonly peer: PeerSettings;
  readonly tls: PeerTlsMaterial | undefined;
  readonly channels: Channels;
  readonly membership: Membership;
  readonly signer: SigningIdentity;
  readonly localMsp: Msp;
  readonly log: LogWriter;
}

export class PrivateDataSharing {
  /** For the endorser. */
  readonly distribute: PrivateDataDistributor;
  /** For the gossip service. */
  readonly receiver: PrivateDataReceiver;
  readonly source: PrivateDataSource;
  /** By channel: when a pull that brought nothing may be tried again. */
  readonly #pausedUntil = new Map<string, number>();
  /** Channels for which a neighbour was waited for. */
  readonly #waited = new Set<string>();
  readonly #closing = new AbortController();
  readonly #logger: Logger;
  readonly #reconciler: PrivateDataReconciler | undefined;
  readonly #connections = new KeptOpen<GossipConnection>(maxConnections);

  constructor(private readonly options: PrivateDataSharingOptions) {
    const { channels, membership, peer, signer, log } = options;
    const logger = log.logger("gossip.privdata");
    this.#logger = logger;
    const push = createPrivateDataDistributor({
      membership,
      isHolder: (channelId, collection, { identity }) =>
        this.#isMember(channelId, collection, identity),
      send: (member, envelope, nonce) => this.#send(member, envelope, nonce),
      randomNonce: newNonce,
      random: Math.random,
      logger,
    });
    this.distribute = async (ledger, txId, set) => {
      await push(ledger, txId, set);
      await storeTransiently(ledger, txId, set);
    };
    this.receiver = new PrivateDataReceiver({
      ledger: (channelId) => channels.ledger(channelId),
      requireReader: (channelId, signed) => {
        const policy = channels.bundle(channelId)?.policyManager.policy(applicationReadersPath);
        if (policy === undefined) throw new DenimError("access-denied", "no readers policy");
        policy.evaluate([signed]);
      },
      logger,
    });
    this.source = new PrivateDataSource({
      ledger: (channelId) => channels.ledger(channelId),
      isHolder: this.#isHolder,
      logger,
    });
    const { reconciliation } = peer.gossip;
    this.#reconciler = reconciliation.enabled
      ? new PrivateDataReconciler({
        ledgers: () => channels.openLedgers(),
        isHolder: (channelId, namespace, collection) =>
          this.#isHolder(channelId, namespace, collection, signer.serialized),
        txIdOf: (channelId, blockNumber, txNumber) => {
          const block = channels.ledger(channelId)?.blockByNumber(blockNumber);
          return block && openTransactions(block)[txNumber]?.txId;
        },
        pull: (channelId, names) => this.#pull(channelId, names, pullLater),
        batchBlocks: reconciliation.batchSize,
        pauseMs: reconciliation.sleepIntervalMs,
        logger,
      })
      : undefined;
  }

  /**
   * Who may hold what can change with a deployment, which names lscc. What only seems to be one
   * costs a round.
   */
  committed({ block }: CommittedBlock): void {
    const deploys = block.data?.data.some((envelope) =>
      Buffer.from(envelope.buffer, envelope.byteOffset, envelope.length).includes("lscc")
    );
    if (deploys) this.#reconciler?.wake();
  }

  /** Begins to look for what is missing. */
  start(): void {
    this.#reconciler?.start();
  }

  /** For the committer: other peers' data for a block goes into the transient store. Never throws. */
  readonly fetch = async (
    channelId: string,
    blockNumber: number,
    wanted: readonly WantedPrivateData[],
  ): Promise<void> => {
    const ledger = this.options.channels.ledger(channelId);
    const now = performance.now();
    if (ledger === undefined || now < (this.#pausedUntil.get(channelId) ?? 0)) return;
    // After a rollback the ledger still has what it will commit again.
    const kept = ledger.privateDataOfBlock(blockNumber);
    const names = wanted.filter(({ txNumber, namespace, collection }) =>
      !kept.get(txNumber)?.nsPvtRwset.some((ns) =>
        ns.namespace === namespace &&
        ns.collectionPvtRwset.some(({ collectionName }) => collectionName === collection)
      )
    ).map((name) => ({ ...name, blockNumber }));
    if (names.length === 0) return;
    await this.#firstNeighbour(channelId);
    const found = await this.#whileOpen(this.#pull(channelId, names, pullAtCommit));
    if (found.length === 0) {
      this.#pausedUntil.set(channelId, performance.now() + pauseAfterFailureMs);
    } else this.#pausedUntil.delete(channelId);
    for (const { txId, namespace, collection, rwsets } of found) {
      const nsPvtRwset = rwsets.map((rwset) => ({
        namespace,
        collectionPvtRwset: [{ collectionName: collection, rwset }],
      }));
      try {
        const set = create(TxPvtReadWriteSetSchema, { nsPvtRwset });
        ledger.transientStore.persist(txId, blockNumber, set);
      } catch (error) {
        this.#logger.error(`Fetched private data could not be kept: ${messageOf(error)}`, { txId });
      }
    }
    const facts = { block: blockNumber, wanted: wanted.length, found: found.length };
    this.#logger.info(`[${channelId}] Private data asked for at commit`, facts);
  };

  /**
   * A peer that has just started, or joined, knows no other yet, but will soon: the first block that
   * lacks something waits for that.
   */
  async #firstNeighbour(channelId: string): Promise<void> {
    if (this.#waited.has(channelId)) return;
    this.#waited.add(channelId);
    const deadline = performance.now() + neighbourWaitMs;
    const alone = () => this.options.membership.channelPeers(channelId).every(({ local }) => local);
    while (alone() && performance.now() < deadline && !this.#closing.signal.aborted) {
      await sleep(neighbourPollMs, this.#closing.signal);
    }
  }

  /** What was pulled, or nothing once the peer is being stopped. */
  async #whileOpen(pulled: Promise<PulledPrivateData[]>): Promise<PulledPrivateData[]> {
    const { signal } = this.#closing;
    const stopped = new Deferred<PulledPrivateData[]>();
    const stop = () => stopped.resolve([]);
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    try {
      return await Promise.race([pulled, stopped.promise]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async #pull(channelId: string, names: readonly PrivateDataName[], limits: PullLimits) {
    return await pullPrivateData(
      {
        membership: this.options.membership,
        isHolder: this.#isHolder,
        ask: async (member, channel, digests, timeoutMs) => {
          const request = privateDataRequest(channel, digests, newNonce());
          return (await this.#connectionTo(member).request(request, timeoutMs)).elements;
        },
        random: Math.random,
        logger: this.#logger,
      },
      channelId,
      names,
      limits,
    );
  }

  /** A valid identity of the local MSP or any channel's. @throws DenimError */
  readonly identityOf = (serialized: Uint8Array): Identity => {
    const { channels, localMsp } = this.options;
    const known = [
      localMsp,
      ...channels.ids().flatMap((id) => channels.bundle(id)?.mspManager ?? []),
    ];
    let refusal: unknown;
    for (const identities of known) {
      try {
        const identity = identities.deserializeIdentity(serialized);
        identity.validate();
        return identity;
      } catch (error) {
        refusal = error;
      }
    }
    throw refusal;
  };

  /** By the collection's definition in force. */
  readonly #isHolder = (
    channelId: string,
    namespace: string,
    collection: string,
    peer: Uint8Array,
  ): boolean => {
    const state = this.options.channels.ledger(channelId)?.newQueryExecutor();
    try {
      const bytes = state?.getState("lscc", `${namespace}~collection`);
      const config = bytes && tryDecodeAsGo(CollectionConfigPackageSchema, bytes)?.config
        .find(({ payload }) => payload.value?.name === collection)?.payload.value;
      return config !== undefined && this.#isMember(channelId, config, peer);
    } finally {
      state?.done();
    }
  };

  #isMember(
    channelId: string,
    { memberOrgsPolicy }: StaticCollectionConfig,
    peer: Uint8Array,
  ): boolean {
    const identities = this.options.channels.bundle(channelId)?.mspManager;
    const policy = memberOrgsPolicy?.payload;
    if (identities === undefined || policy?.case !== "signaturePolicy") return false;
    try {
      const bytes = toBinary(SignaturePolicyEnvelopeSchema, policy.value);
      compilePolicyBytes(bytes, identities)
        .evaluateIdentities([identities.deserializeIdentity(peer)]);
      return true;
    } catch (error) {
      if (error instanceof DenimError) return false;
      throw error;
    }
  }

  async #send(member: PeerMember, envelope: Envelope, nonce: bigint): Promise<void> {
    const { pushAckTimeoutMs } = this.options.peer.gossip;
    await this.#connectionTo(member).sendWithAck(envelope, nonce, pushAckTimeoutMs);
  }

  #connectionTo(member: PeerMember): GossipConnection {
    const { peer, tls, channels, signer } = this.options;
    const key = `${member.endpoint} ${hex(member.pkiId)}`;
    return this.#connections.use(key, () =>
      new GossipConnection({
        client: createRpcClient({
          address: member.endpoint,
          tls: tls && {
            ...tls.client,
            rootCertificates: tlsRootsOf(
              { address: member.endpoint, mspId: member.mspId, channelIds: channels.ids() },
              (channelId) => channels.bundle(channelId),
            ),
          },
          connectTimeoutMs: peer.client.connTimeoutMs,
        }),
        identity: { signer, tlsCertificateHash: tls?.clientCertificateHash },
        expectedPkiId: member.pkiId,
        identityOf: this.identityOf,
      }));
  }

  /** Blocks wait no longer: the peer is being stopped. */
  stopWaiting(): void {
    this.#closing.abort();
  }

  async close(): Promise<void> {
    this.stopWaiting();
    await this.#reconciler?.close();
    await this.#connections.close();
  }
}
