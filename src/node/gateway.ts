/** The Gateway service of a peer. Mirrors the part of peer/node/start.go in Fabric 2.5 that creates it. */
import { DenimError } from "../base/errors.ts";
import type { LogWriter } from "../base/log-writer.ts";
import type { AclProvider } from "../channel/types.ts";
import type { PeerSettings } from "../config/types.ts";
import { encodePem } from "../crypto/pem.ts";
import type { EndorsementPlanner, Membership } from "../discovery/types.ts";
import { createGateway, type GatewayService } from "../gateway/gateway.ts";
import type { GatewayChannel, GatewayDependencies } from "../gateway/types.ts";
import type { Endorser } from "../gen/peer/peer_pb.ts";
import { createRpcClient } from "../rpc/client.ts";
import type { CallContext, ServiceHandlers } from "../rpc/types.ts";
import type { Channels } from "./channels.ts";
import type { PeerChannel } from "./peer-channel.ts";
import type { PeerTlsMaterial } from "./peer-tls.ts";

export interface PeerGatewayOptions {
  readonly peer: PeerSettings;
  readonly address: string;
  readonly tls: PeerTlsMaterial | undefined;
  readonly channels: Channels;
  readonly discovery: { readonly membership: Membership; readonly planner: EndorsementPlanner };
  readonly endorser: ServiceHandlers<typeof Endorser>;
  readonly acl: AclProvider;
  readonly isSystemChaincode: (name: string) => boolean;
  readonly log: LogWriter;
}

export function createPeerGateway(options: PeerGatewayOptions): GatewayService {
  const { peer, address, tls, channels, discovery, acl, isSystemChaincode, log } = options;
  const { gateway } = peer;
  return createGateway({
    local: { address, mspId: peer.localMspId, processProposal: localEndorser(options.endorser) },
    channel: (channelId) => {
      const channel = channels.get(channelId);
      return channel && gatewayChannel(channel);
    },
    membership: discovery.membership,
    planner: discovery.planner,
    acl,
    isSystemChaincode,
    connect: (target, tlsRoots, connectTimeoutMs) =>
      createRpcClient({
        address: target,
        tls: tls && { ...tls.client, rootCertificates: [...tlsRoots] },
        connectTimeoutMs,
      }),
    timeouts: {
      endorsementMs: gateway.endorsementTimeoutMs,
      broadcastMs: gateway.broadcastTimeoutMs,
      dialMs: gateway.dialTimeoutMs,
    },
    maxConcurrentCalls: gateway.maxConcurrentCalls,
    random: Math.random,
    logger: log.logger("gateway"),
  });
}

function gatewayChannel(channel: PeerChannel): GatewayChannel {
  return {
    ledger: channel.ledger,
    orderers: () =>
      channel.bundle().ordererEndpoints.map(({ address, mspIds }) => ({
        address,
        mspId: mspIds[0] ?? "",
        tlsRoots: channel.ordererTlsRoots(address),
      })),
    tlsRoots: (mspId) => {
      const msp = channel.bundle().mspManager.msp(mspId);
      return msp
        ? [...msp.tlsRootCertificates, ...msp.tlsIntermediateCertificates]
          .map((der) => encodePem("CERTIFICATE", der))
        : [];
    },
  };
}

/** This peer's own endorser, called as if from outside: with its guards and its traces. */
function localEndorser(
  { processProposal }: ServiceHandlers<typeof Endorser>,
): GatewayDependencies["local"]["processProposal"] {
  return async (signed, signal) => {
    if (!processProposal) throw new DenimError("unimplemented", "this peer does not endorse");
    const context: CallContext = {
      method: "/protos.Endorser/ProcessProposal",
      remoteAddress: "gateway",
      clientCertificate: undefined,
      signal,
      headers: {},
      deadline: undefined,
    };
    try {
      return await processProposal(signed, context);
    } catch (error) {
      throw asFabric2Says(error);
    }
  };
}

/** Fabric 1.4 and 2.x differ in how they word a proposal that is refused for its form or signature. */
function asFabric2Says(error: unknown): unknown {
  if (!(error instanceof DenimError)) return error;
  const isInvalid = error.code === "invalid-proposal" ||
    (error.code === "access-denied" && error.facts.organisation !== undefined);
  if (!isInvalid) return error;
  const { code, message, facts, hint } = error;
  return new DenimError(code, `error validating proposal: ${message}`, facts, hint, {
    cause: error,
  });
}
