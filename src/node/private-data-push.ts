/** Private data between peers: sent by the endorser, taken by the gossip service. */
import { randomBytes } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import { hex } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import type { LogWriter } from "../base/log-writer.ts";
import { applicationReadersPath } from "../channel/group-names.ts";
import type { PeerSettings } from "../config/types.ts";
import type { Membership, PeerMember } from "../discovery/types.ts";
import { type PrivateDataDistributor, storeTransiently } from "../endorser/private-data.ts";
import type { StaticCollectionConfig } from "../gen/common/collection_pb.ts";
import { SignaturePolicyEnvelopeSchema } from "../gen/common/policies_pb.ts";
import { GossipConnection } from "../gossip/gossip-connection.ts";
import { createPrivateDataDistributor } from "../gossip/private-data-distributor.ts";
import { PrivateDataReceiver } from "../gossip/private-data-receiver.ts";
import type { Identity, Msp, SigningIdentity } from "../msp/types.ts";
import { createRpcClient } from "../rpc/client.ts";
import type { Envelope } from "../gen/gossip/message_pb.ts";
import { compilePolicyBytes } from "../validation/policy-compiler.ts";
import { tlsRootsOf } from "./asked-addresses.ts";
import type { Channels } from "./channels.ts";
import type { PeerTlsMaterial } from "./peer-tls.ts";

/** Connections kept open; the one used longest ago is closed for another. */
const maxConnections = 100;

export interface PrivateDataPushOptions {
  readonly peer: PeerSettings;
  readonly tls: PeerTlsMaterial | undefined;
  readonly channels: Channels;
  readonly membership: Membership;
  readonly signer: SigningIdentity;
  readonly localMsp: Msp;
  readonly log: LogWriter;
}

export class PrivateDataPush {
  /** For the endorser. */
  readonly distribute: PrivateDataDistributor;
  /** For the gossip service. */
  readonly receiver: PrivateDataReceiver;
  readonly #connections = new Map<string, GossipConnection>();

  constructor(private readonly options: PrivateDataPushOptions) {
    const { channels, membership, log } = options;
    const logger = log.logger("gossip.privdata");
    const push = createPrivateDataDistributor({
      membership,
      isHolder: (channelId, collection, member) => this.#isHolder(channelId, collection, member),
      send: (member, envelope, nonce) => this.#send(member, envelope, nonce),
      randomNonce: () => randomBytes(8).readBigUInt64BE(),
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

  #isHolder(
    channelId: string,
    { memberOrgsPolicy }: StaticCollectionConfig,
    { identity }: PeerMember,
  ): boolean {
    const identities = this.options.channels.bundle(channelId)?.mspManager;
    const policy = memberOrgsPolicy?.payload;
    if (identities === undefined || policy?.case !== "signaturePolicy") return false;
    try {
      const bytes = toBinary(SignaturePolicyEnvelopeSchema, policy.value);
      compilePolicyBytes(bytes, identities)
        .evaluateIdentities([identities.deserializeIdentity(identity)]);
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
    const open = this.#connections.get(key);
    this.#connections.delete(key);
    if (open?.closed) void open.close();
    const connection = open !== undefined && !open.closed ? open : new GossipConnection({
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
    });
    this.#connections.set(key, connection);
    const [oldest] = this.#connections.keys();
    if (this.#connections.size > maxConnections) {
      void this.#connections.get(oldest)?.close();
      this.#connections.delete(oldest);
    }
    return connection;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#connections.values()].map((connection) => connection.close()));
    this.#connections.clear();
  }
}
