/** Test support: an endorser on the recorded peer. */
import assert from "node:assert/strict";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { silentLogger } from "../base/logger.ts";
import { type ChannelHeader, ChannelHeaderSchema, HeaderSchema } from "../gen/common/common_pb.ts";
import { ProposalSchema, type SignedProposal } from "../gen/peer/proposal_pb.ts";
import type { ProposalResponse } from "../gen/peer/proposal_response_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { signProposal } from "../protocol/proposal.ts";
import {
  goldenChannel,
  goldenClock,
  type GoldenPeer,
  goldenProposal,
  goldenUser,
  openGoldenPeer,
} from "../../tests/support/golden-peer.ts";
import { TwinChaincodes } from "../../tests/support/twin-chaincodes.ts";
import { ProposalProcessor } from "./endorser.ts";
import type { EndorserDependencies, ProposalOutcome } from "./types.ts";

export interface World {
  readonly peer: GoldenPeer;
  readonly user: SigningIdentity;
  readonly admin: SigningIdentity;
  readonly outcomes: ProposalOutcome[];
  readonly chaincodes: TwinChaincodes;
  processor(changes?: Partial<EndorserDependencies>): ProposalProcessor;
  /** A proposal of User1 to assetcc. */
  propose(...args: string[]): SignedProposal;
}

export async function withWorld(run: (world: World) => Promise<void>): Promise<void> {
  using peer = await openGoldenPeer();
  const user = goldenUser("org1", "User1");
  const admin = goldenUser("org1", "Admin");
  const outcomes: ProposalOutcome[] = [];
  const chaincodes = new TwinChaincodes(peer.systemChaincodes);
  try {
    await run({
      peer,
      user,
      admin,
      outcomes,
      chaincodes,
      processor: (changes = {}) =>
        new ProposalProcessor({
          ...peer,
          chaincode: chaincodes,
          clock: goldenClock,
          logger: silentLogger,
          onProposal: (outcome) => outcomes.push(outcome),
          ...changes,
        }),
      propose: (...args) => goldenProposal(user, goldenChannel, "assetcc", args).signed,
    });
  } finally {
    user.close();
    admin.close();
  }
}

export function failedWith(response: ProposalResponse, message: string): void {
  assert.deepEqual([response.response?.status, response.response?.message], [500, message]);
  assert.equal(response.payload.length, 0);
  assert.equal(response.endorsement, undefined);
}

/** The proposal with another header, signed again. */
export function altered(
  { proposalBytes }: SignedProposal,
  user: SigningIdentity,
  change: (header: ChannelHeader) => void,
): SignedProposal {
  const proposal = fromBinary(ProposalSchema, proposalBytes);
  const header = fromBinary(HeaderSchema, proposal.header);
  const channelHeader = fromBinary(ChannelHeaderSchema, header.channelHeader);
  change(channelHeader);
  header.channelHeader = toBinary(ChannelHeaderSchema, channelHeader);
  proposal.header = toBinary(HeaderSchema, header);
  return signProposal(proposal, user);
}
