/** Discovery of a peer: what it knows of the network, and the service that tells. Mirrors registerDiscoveryService of peer/node/start.go. */
import { emptyBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";
import type { LogWriter } from "../base/log-writer.ts";
import { applicationReadersPath, applicationWritersPath } from "../channel/group-names.ts";
import type { Bundle } from "../channel/types.ts";
import type { PeerSettings } from "../config/types.ts";
import type { EcdsaProvider } from "../crypto/types.ts";
import { AskedPeers } from "../discovery/asked-peers.ts";
import { createDiscoveryService } from "../discovery/discovery-service.ts";
import { createEndorsementPlanner } from "../discovery/endorsement-planner.ts";
import { createIntroductionService } from "../discovery/introductions.ts";
import { interestedPeers, type InterestedPeersSources } from "../discovery/interested-peers.ts";
import { KnownPeers } from "../discovery/known-peers.ts";
import { Neighbours } from "../discovery/neighbours.ts";
import { SelfDescription } from "../discovery/self-description.ts";
import type { EndorsementPlanner, Membership } from "../discovery/types.ts";
import { Membership as MembershipService } from "../gen/denim/membership_pb.ts";
import { Discovery } from "../gen/discovery/protocol_pb.ts";
import { FabricMSPConfigSchema } from "../gen/msp/msp_config_pb.ts";
import type { MSPPrincipal } from "../gen/msp/msp_principal_pb.ts";
import { loadSigningIdentity, type LocalSigningIdentity } from "../msp/signing-identity.ts";
import type { Msp, SigningIdentity } from "../msp/types.ts";
import { Role, rolePrincipal, signedByAnyAdmin, signedByAnyMember } from "../policy/envelopes.ts";
import { compileSignaturePolicy } from "../policy/signature-policy.ts";
import type { SignedData } from "../policy/types.ts";
import { decode } from "../protocol/decode.ts";
import { createRpcClient } from "../rpc/client.ts";
import type { RpcServer } from "../rpc/types.ts";
import { peersToAsk, tlsRootsOf } from "./asked-addresses.ts";
import { ChannelDefinitions } from "./channel-definitions.ts";
import type { Channels } from "./channels.ts";
import type { PeerTlsMaterial } from "./peer-tls.ts";
import type { InstalledPackages } from "../syscc/lscc/dependencies.ts";

export interface PeerDiscoveryOptions {
  readonly peer: PeerSettings;
  readonly tls: PeerTlsMaterial | undefined;
  readonly channels: Channels;
  readonly packages: Pick<InstalledPackages, "load">;
  readonly signer: SigningIdentity;
  readonly localMsp: Msp;
  /** Other peers of this process. */
  readonly neighbours: Neighbours | undefined;
  readonly ecdsa: EcdsaProvider;
  readonly clock: Clock;
  readonly log: LogWriter;
}

/** Answers are read whole; no channel has peers for more. */
const maxAnswerBytes = 16 * 1024 * 1024;

/** Go peers answer the writers of a channel, and with NodeOUs a peer is often none. */
const deniedHint =
  "Is a peer no writer of the channel? Then set peer.discovery.client.mspConfigPath to the MSP " +
  "directory of a client of this organisation.";

export class PeerDiscovery {
  readonly membership: Membership;
  readonly planner: EndorsementPlanner;
  readonly #definitions: ChannelDefinitions;
  readonly #sources: InterestedPeersSources;
  readonly #asked: AskedPeers;
  readonly #leave: () => void;
  readonly #client: LocalSigningIdentity | undefined;

  /** @throws DenimError for `peer.discovery.client.mspConfigPath` that cannot be used */
  constructor(private readonly options: PeerDiscoveryOptions) {
    const { peer, tls, channels, signer, clock, log } = options;
    const logger = log.logger("discovery");
    const { clientMspConfigPath } = peer.discovery;
    const client = clientMspConfigPath === ""
      ? undefined
      : loadSigningIdentity(clientMspConfigPath, signer.mspId, options.ecdsa, { clock });
    this.#client = client;
    this.#definitions = new ChannelDefinitions({
      ledger: (channelId) => channels.ledger(channelId),
      packages: options.packages,
      logger,
    });
    const self = new SelfDescription({
      signer,
      externalEndpoint: peer.gossip.externalEndpoint,
      stateOf: (channelId) => this.#definitions.stateOf(channelId),
      clock,
    });
    const neighbours = (options.neighbours ?? new Neighbours()).join(self);
    this.#leave = () => neighbours.leave();
    const bundleOf = (channelId: string) => channels.bundle(channelId);
    this.#asked = new AskedPeers({
      peers: () =>
        peersToAsk({
          channelIds: channels.ids(),
          bundleOf,
          localMspId: signer.mspId,
          bootstrap: peer.gossip.bootstrap,
          known: [
            peer.gossip.externalEndpoint,
            peer.address,
            ...neighbours.localPeers().map(({ endpoint }) => endpoint),
          ],
        }),
      connect: (asked) =>
        createRpcClient({
          address: asked.address,
          tls: tls && {
            ...tls.client,
            rootCertificates: [
              ...tlsRootsOf(asked, bundleOf),
              ...(asked.mspId === signer.mspId ? tls.client.rootCertificates : []),
            ],
          },
          connectTimeoutMs: peer.client.connTimeoutMs,
          maxMessageBytes: maxAnswerBytes,
        }),
      signer: client ?? signer,
      deniedHint: client === undefined ? deniedHint : undefined,
      tlsCertificateHash: tls?.clientCertificateHash,
      identities: (channelId) => bundleOf(channelId)?.mspManager,
      self,
      clock,
      logger,
    });
    this.membership = new KnownPeers(self, [neighbours, this.#asked]);
    this.#sources = {
      membership: this.membership,
      chaincodes: this.#definitions,
      satisfies: (channelId, identity, principal) =>
        satisfies(bundleOf(channelId), identity, principal),
    };
    this.planner = createEndorsementPlanner(this.#sources);
  }

  /** Offers the service, where `peer.discovery.enabled`, and lets other peers introduce themselves. */
  register(server: RpcServer): void {
    const { peer, channels, signer, localMsp, tls, log } = this.options;
    const { discovery } = peer;
    const signedByAny = discovery.orgMembersAllowedAccess ? signedByAnyMember : signedByAnyAdmin;
    const localPolicy = compileSignaturePolicy(signedByAny([signer.mspId]), localMsp);
    const evaluate = (channelId: string, path: string, signed: SignedData) => {
      const policy = channels.bundle(channelId)?.policyManager.policy(path);
      if (policy === undefined) throw new DenimError("access-denied", `no policy ${path}`);
      policy.evaluate([signed]);
    };
    server.register(
      MembershipService,
      createIntroductionService({
        identities: (channelId) => channels.bundle(channelId)?.mspManager,
        checkMember: (channelId, signed) => {
          requirePeer(channels.bundle(channelId), signed.identity, true);
          evaluate(channelId, applicationReadersPath, signed);
        },
        add: (channelId, told) => this.#asked.add(channelId, told),
        logger: log.logger("discovery"),
      }),
    );
    if (!discovery.enabled) return;
    server.register(
      Discovery,
      createDiscoveryService({
        mutualTls: tls !== undefined && peer.tls.clientAuthRequired,
        authCache: {
          enabled: discovery.authCacheEnabled,
          maxSize: discovery.authCacheMaxSize,
          purgeRetentionRatio: discovery.authCachePurgeRetentionRatio,
        },
        eligibility: {
          check: (channelId, signed) =>
            channelId === ""
              ? localPolicy.evaluate([signed])
              : evaluate(channelId, applicationWritersPath, signed),
          checkPeer: (channelId, signed) => {
            requirePeer(channels.bundle(channelId), signed.identity, false);
            evaluate(channelId, applicationReadersPath, signed);
          },
          sequence: (channelId) =>
            channelId === "" ? 0n : BigInt(channels.bundle(channelId)?.sequence ?? 0),
        },
        membership: this.membership,
        planner: this.planner,
        interestedPeers: (channelId, filter) => interestedPeers(this.#sources, channelId, filter),
        channelConfig: (channelId) => channels.get(channelId)?.bundle().configTxValidator.config,
        logger: log.logger("discovery"),
      }),
    );
  }

  /** To be called after each installation of chaincode. */
  chaincodeInstalled(): void {
    this.#definitions.installed();
  }

  /** To be called after each join of a channel. */
  channelJoined(): void {
    this.#asked.refresh();
  }

  /** Begins to ask other peers. */
  start(): void {
    this.#asked.start();
  }

  async close(): Promise<void> {
    this.#leave();
    await this.#asked.close();
    this.#client?.close();
  }
}

function satisfies(
  bundle: Bundle | undefined,
  identity: Uint8Array,
  principal: MSPPrincipal,
): boolean {
  try {
    bundle?.mspManager.deserializeIdentity(identity).satisfiesPrincipal(principal);
    return bundle !== undefined;
  } catch {
    return false;
  }
}

/**
 * Peers tell each other who is there: gossip asks no more of them than to be readers. So a peer,
 * known by its certificate, gets the list also where only clients are writers.
 * @param orAnybody of an organisation whose certificates do not tell peers from clients
 * @throws DenimError where the identity is not known to be a peer's
 */
function requirePeer(
  bundle: Bundle | undefined,
  serialized: Uint8Array,
  orAnybody: boolean,
): void {
  if (bundle === undefined) throw new DenimError("access-denied", "unknown channel");
  const identity = bundle.mspManager.deserializeIdentity(serialized);
  if (orAnybody) {
    const config = bundle.mspManager.msp(identity.mspId)?.config.config;
    const { fabricNodeOus } = decode(FabricMSPConfigSchema, config ?? emptyBytes);
    if (!fabricNodeOus?.enable) return;
  }
  identity.satisfiesPrincipal(rolePrincipal(identity.mspId, Role.PEER));
}
