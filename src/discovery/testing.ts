/** Test support: peers, policies and chaincodes of a make-believe channel. */
import { create, toBinary } from "@bufbuild/protobuf";
import { text, utf8 } from "../base/bytes.ts";
import { SignaturePolicyEnvelopeSchema } from "../gen/common/policies_pb.ts";
import { type ChaincodeInterest, ChaincodeInterestSchema } from "../gen/discovery/protocol_pb.ts";
import { EnvelopeSchema } from "../gen/gossip/message_pb.ts";
import { MSPRole_MSPRoleType as Role, MSPRoleSchema } from "../gen/msp/msp_principal_pb.ts";
import { parsePolicy } from "../policy/parse-policy.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import type { InterestedPeersSources } from "./interested-peers.ts";
import type { PeerMember } from "./types.ts";

export interface PretendedPeer {
  readonly mspId: string;
  readonly role?: "peer" | "admin" | "client";
  readonly chaincodes: readonly string[];
  readonly endpoint?: string;
}

/** Peers in order; identity and PKI-ID of each are its number. All chaincodes have version 1. */
export function pretendedChannel(
  peers: readonly PretendedPeer[],
  policies: Readonly<Record<string, string | Uint8Array>>,
  collections: Readonly<Record<string, Uint8Array>> = {},
): InterestedPeersSources {
  const members = peers.map(({ mspId, chaincodes, endpoint }, i): PeerMember => ({
    mspId,
    endpoint: endpoint ?? `peer${i}:7051`,
    identity: utf8(`${i}`),
    pkiId: utf8(`${i}`),
    ledgerHeight: 1n,
    chaincodes: chaincodes.map((name) => ({ name, version: "1" })),
    membership: create(EnvelopeSchema),
    stateInfo: create(EnvelopeSchema),
    local: i === 0,
  }));
  return {
    membership: { localPeers: () => members, channelPeers: () => members },
    chaincodes: {
      metadata: (_channelId, name) => {
        if (!Object.hasOwn(policies, name)) return undefined;
        const policy = policies[name];
        return {
          name,
          version: "1",
          policy: typeof policy === "string" ? policyBytesOf(policy) : policy,
          collections: collections[name] ?? new Uint8Array(0),
        };
      },
    },
    satisfies: (_channelId, identity, { principal }) => {
      const { mspId, role = "peer" } = peers[Number(text(identity))];
      const wanted = decodeAsGo(MSPRoleSchema, principal);
      return wanted.mspIdentifier === mspId &&
        (wanted.role === Role.MEMBER || Role[wanted.role].toLowerCase() === role);
    },
  };
}

/** A SignaturePolicyEnvelope of an expression such as `AND('A.peer','B.peer')`. */
export function policyBytesOf(policy: string): Uint8Array {
  return toBinary(SignaturePolicyEnvelopeSchema, parsePolicy(policy));
}

/** An interest in chaincodes, with collections after a colon: `mycc:col1,col2`. */
export function interestIn(...calls: readonly string[]): ChaincodeInterest {
  return create(ChaincodeInterestSchema, {
    chaincodes: calls.map((call) => {
      const [name, collections] = call.split(":");
      return { name, collectionNames: collections?.split(",") ?? [] };
    }),
  });
}
