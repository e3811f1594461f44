/** Test support: peers of the recorded channel, with their real keys, over gRPC without TLS. */
import { bundleOf, goldenBlock, goldenFolder, provider } from "../channel/channel_testkit.ts";
import type { Clock } from "../base/clock.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import { Membership as MembershipService } from "../gen/denim/membership_pb.ts";
import { Discovery } from "../gen/discovery/protocol_pb.ts";
import { loadSigningIdentity, type LocalSigningIdentity } from "../msp/signing-identity.ts";
import { createRpcClient } from "../rpc/client.ts";
import { createRpcServer } from "../rpc/server.ts";
import type { RpcServer } from "../rpc/types.ts";
import { type AskedPeer, AskedPeers, type AskedPeersTiming } from "./asked-peers.ts";
import { createDiscoveryService } from "./discovery-service.ts";
import { createIntroductionService } from "./introductions.ts";
import { KnownPeers } from "./known-peers.ts";
import { SelfDescription } from "./self-description.ts";

/** The recorded channel after its anchor peers were set. */
export const channelId = "mychannel";
export const recordedBundle = bundleOf(goldenBlock(2));

/** `peer0.org1`, `peer1.org1` or `peer0.org2`. */
export function peerSigner(name: string): LocalSigningIdentity {
  const organization = name.split(".")[1];
  const folder = `${goldenFolder}crypto-config/peerOrganizations/${organization}.example.com`;
  const mspId = `O${organization.slice(1)}MSP`;
  return loadSigningIdentity(`${folder}/peers/${name}.example.com/msp`, mspId, provider);
}

export interface TestPeerOptions {
  readonly asked?: readonly AskedPeer[];
  readonly timing?: Partial<AskedPeersTiming>;
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly endpoint?: string;
  readonly listen?: string;
  /** Answers like a peer that knows no introductions. */
  readonly likeGo?: boolean;
  /** Answers those who satisfy this policy only. */
  readonly answers?: string;
  readonly deniedHint?: string;
}

/** A peer on `mychannel` that asks others and can be asked. */
export class TestPeer {
  height = 5n;

  private constructor(
    readonly server: RpcServer,
    readonly self: SelfDescription,
    readonly known: KnownPeers,
    readonly asked: AskedPeers,
  ) {}

  static async start(name: string, options: TestPeerOptions): Promise<TestPeer> {
    const { clock, logger = silentLogger } = options;
    const signer = peerSigner(name);
    const server = await createRpcServer({
      listen: options.listen ?? "127.0.0.1:0",
      logger: silentLogger,
    });
    const self: SelfDescription = new SelfDescription({
      signer,
      externalEndpoint: options.endpoint ?? server.address,
      stateOf: (channel) =>
        channel === channelId
          ? { ledgerHeight: peer.height, chaincodes: [{ name: "cc", version: "1" }] }
          : undefined,
      clock,
    });
    const identities = (channel: string) =>
      channel === channelId ? recordedBundle.mspManager : undefined;
    const asked = new AskedPeers({
      peers: () => options.asked ?? [],
      connect: ({ address }) => createRpcClient({ address }),
      signer,
      deniedHint: options.deniedHint,
      tlsCertificateHash: undefined,
      identities,
      self,
      timing: options.timing,
      clock,
      logger,
    });
    const known = new KnownPeers(self, [asked]);
    const peer: TestPeer = new TestPeer(server, self, known, asked);
    const evaluate = (path: string) => (_: string, signed: Parameters<typeof check>[0]) =>
      check(signed, path);
    const check = (
      signed: { data: Uint8Array; identity: Uint8Array; signature: Uint8Array },
      path: string,
    ) => recordedBundle.policyManager.policy(path)!.evaluate([signed]);
    server.register(
      Discovery,
      createDiscoveryService({
        mutualTls: false,
        authCache: { enabled: true, maxSize: 10, purgeRetentionRatio: 0.75 },
        eligibility: {
          check: evaluate(options.answers ?? "/Channel/Application/Writers"),
          checkPeer: evaluate(options.answers ?? "/Channel/Application/Readers"),
          sequence: () => 0n,
        },
        membership: known,
        planner: {
          plan: () => {
            throw new Error("not planned");
          },
        },
        interestedPeers: (channel) => known.channelPeers(channel),
        channelConfig: (channel) =>
          channel === channelId ? recordedBundle.configTxValidator.config : undefined,
        logger,
      }),
    );
    if (!options.likeGo) {
      server.register(
        MembershipService,
        createIntroductionService({
          identities,
          checkMember: evaluate("/Channel/Application/Readers"),
          add: (channel, told) => asked.add(channel, told),
          logger,
        }),
      );
    }
    asked.start();
    return peer;
  }

  /** How others are told to ask it. */
  get asAsked(): AskedPeer {
    return {
      address: this.server.address,
      mspId: this.self.member().mspId,
      channelIds: [channelId],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.asked.close();
    await this.server.close(0);
  }
}
