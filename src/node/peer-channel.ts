/** One channel that this peer has joined: its pipeline, fed by the ordering service. */
import { sleep } from "../base/async.ts";
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { verifyBlock } from "../channel/block-verifier.ts";
import type { ChannelBundle } from "../channel/bundle.ts";
import type { ChannelConfigSource } from "../channel/types.ts";
import { createCollectionEligibility } from "../commit/collection-eligibility.ts";
import { createDeliverClient } from "../commit/deliver-client.ts";
import type { WantedPrivateData } from "../commit/private-data.ts";
import type { ReconnectPolicy } from "../commit/reconnect.ts";
import type { DeliverClient } from "../commit/types.ts";
import { encodePem } from "../crypto/pem.ts";
import type { EcdsaProvider } from "../crypto/types.ts";
import type { Block } from "../gen/common/common_pb.ts";
import type { CommittedBlock, PeerLedger } from "../ledger/types.ts";
import type { IdentityDeserializer, SigningIdentity } from "../msp/types.ts";
import type { RpcClient } from "../rpc/types.ts";
import { compilePolicyBytes } from "../validation/policy-compiler.ts";
import { ChannelPipeline } from "./channel-pipeline.ts";

/** Between two tries to commit onto a full disk. */
const diskFullPauseMs = 500;

/** What every channel of a peer shares. */
export interface ChannelServices {
  readonly ecdsa: EcdsaProvider;
  readonly signer: SigningIdentity;
  /** Identities of another channel this peer has joined, "" for the local MSP. */
  readonly identitiesOf: (channelId: string) => IdentityDeserializer | undefined;
  /** Dials an orderer, trusting the TLS roots given as PEM. */
  readonly connectOrderer: (address: string, tlsRoots: readonly string[]) => RpcClient;
  readonly tlsCertificateHash: Uint8Array | undefined;
  readonly reconnect: Partial<ReconnectPolicy>;
  readonly transientRetentionBlocks: number;
  /** Other peers' private data for a block that is about to be committed; see `CommitterOptions`. */
  readonly fetchPrivateData?: (
    channelId: string,
    block: number,
    wanted: readonly WantedPrivateData[],
  ) => Promise<void>;
  /** Called with each block whose orderers' signatures were found good. */
  readonly onVerifiedBlock?: (block: Block) => void;
  /** Called when a channel was joined or has another configuration. */
  readonly onConfig?: () => void;
  /** Called after each commit of any channel. */
  readonly onCommit?: (committed: CommittedBlock) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class PeerChannel implements ChannelConfigSource {
  readonly channelId: string;
  readonly #pipeline: ChannelPipeline;
  readonly #deliverClient: DeliverClient;
  readonly #stopping = new AbortController();
  #trouble: string | undefined;

  /** @throws DenimError where the configuration in force cannot be used by this peer */
  constructor(readonly ledger: PeerLedger, private readonly services: ChannelServices) {
    this.channelId = ledger.channelId;
    const { signer, clock, logger } = services;
    ledger.onCommit((committed) => services.onCommit?.(committed));
    this.#pipeline = new ChannelPipeline(ledger, {
      ...services,
      fetchPrivateData: async (block, wanted) => {
        await services.fetchPrivateData?.(this.channelId, block, wanted);
      },
      newEligibility: (bundleSource) =>
        createCollectionEligibility({
          bundleSource,
          ledger,
          compilePolicy: compilePolicyBytes,
          self: signer.serialized,
        }),
    });
    this.#deliverClient = createDeliverClient({
      channelId: this.channelId,
      addresses: () => this.bundle().ordererAddresses,
      connect: (address) => services.connectOrderer(address, this.ordererTlsRoots(address)),
      signer,
      tlsCertificateHash: services.tlsCertificateHash,
      nextBlock: () => ledger.info().height,
      verifyBlock: (block, tip) => {
        const { height, currentBlockHash } = tip ?? ledger.info();
        verifyBlock(block, {
          bundle: this.bundle(),
          expectedNumber: BigInt(height),
          expectedPreviousHash: currentBlockHash,
        });
        services.onVerifiedBlock?.(block);
      },
      onAhead: (block) => this.#pipeline.committer.prepare(block),
      onBlock: (block) => this.#commit(block),
      reconnect: services.reconnect,
      clock,
      logger: logger.named("deliveryClient"),
    });
  }

  bundle(): ChannelBundle {
    return this.#pipeline.bundle();
  }

  /** The configuration block in force, as committed. */
  configBlock(): Block {
    return this.#pipeline.configBlock();
  }

  /** The orderer that blocks come from; undefined between connections. */
  get orderer(): string | undefined {
    return this.#deliverClient.address;
  }

  /** PEM of the TLS roots of the organisations that run the orderer at this address. */
  ordererTlsRoots(address: string): string[] {
    const { ordererEndpoints, mspManager } = this.bundle();
    const mspIds = ordererEndpoints.flatMap((one) => one.address === address ? one.mspIds : []);
    return [...new Set(mspIds)].flatMap((mspId) => {
      const msp = mspManager.msp(mspId);
      return msp ? [...msp.tlsRootCertificates, ...msp.tlsIntermediateCertificates] : [];
    }).map((der) => encodePem("CERTIFICATE", der));
  }

  /** Why it takes no more blocks, where that is so. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Begins to pull blocks. */
  start(): void {
    this.#deliverClient.start();
    void this.#deliverClient.ended.then((end) => {
      if (end.kind === "stopped") return;
      const reason = messageOf(end.kind === "gave-up" ? end.lastError : end.error);
      this.#trouble = `no more blocks are pulled: ${reason}`;
      this.services.logger.error(
        `[${this.channelId}] ${this.#trouble}; restart the peer to go on`,
        { kind: end.kind, height: this.ledger.info().height },
      );
    });
  }

  /** A full disk is waited out: the block is not lost, and space may return. */
  async #commit(block: Block): Promise<void> {
    const { logger } = this.services;
    for (let waits = 0;; waits++) {
      try {
        await this.#pipeline.committer.commitBlock(block);
        if (waits > 0) logger.info(`[${this.channelId}] there is space again: going on`);
        this.#trouble = undefined;
        return;
      } catch (error) {
        const full = error instanceof DenimError && error.code === "disk-full";
        if (!full || this.#stopping.signal.aborted) throw error;
        this.#trouble = `block ${block.header?.number} waits: ${error.message}`;
        if (waits === 0) {
          logger.error(
            `[${this.channelId}] block ${block.header?.number} waits: ${error.message}. ${error.hint}`,
          );
        }
        await sleep(diskFullPauseMs, this.#stopping.signal);
      }
    }
  }

  /** Ends pulling; resolves when the last block handed over is committed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#deliverClient.stop();
    await this.#pipeline.committer.idle();
  }
}
