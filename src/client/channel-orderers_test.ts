import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import { BlockSchema, EnvelopeSchema, PayloadSchema } from "../gen/common/common_pb.ts";
import { ConfigEnvelopeSchema } from "../gen/common/configtx_pb.ts";
import { OrdererAddressesSchema } from "../gen/common/configuration_pb.ts";
import { ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { ordererAddressesOf } from "./channel-orderers.ts";
import { clock, signer } from "./client_testkit.ts";
import type { PeerConnection } from "./peer-connection.ts";

const addressesValue = (...addresses: string[]) => ({
  value: toBinary(OrdererAddressesSchema, create(OrdererAddressesSchema, { addresses })),
});

/** What a client learns of a channel whose configuration has these addresses. */
function learned(common: string[], endpoints: Record<string, string[]>): Promise<string[]> {
  const groups = Object.fromEntries(
    Object.entries(endpoints).map((
      [name, own],
    ) => [name, { values: { Endpoints: addressesValue(...own) } }]),
  );
  const config = create(ConfigEnvelopeSchema, {
    config: {
      channelGroup: {
        values: { OrdererAddresses: addressesValue(...common) },
        groups: { Orderer: { groups } },
      },
    },
  });
  const data = toBinary(ConfigEnvelopeSchema, config);
  const payload = toBinary(PayloadSchema, create(PayloadSchema, { data }));
  const envelope = toBinary(EnvelopeSchema, create(EnvelopeSchema, { payload }));
  const block = toBinary(BlockSchema, create(BlockSchema, { data: { data: [envelope] } }));
  const response = create(ProposalResponseSchema, {
    response: { status: 200, payload: block },
    payload: utf8(""),
  });
  const peer: Pick<PeerConnection, "processProposal"> = {
    processProposal: () => Promise.resolve(response),
  };
  return ordererAddressesOf({ signer, clock, peers: [peer as PeerConnection] }, "mychannel");
}

Deno.test("the channel's own orderer addresses come first, else those of the ordering organisations", async () => {
  const organizations = { OrdererOrg: ["o1:7050", "o2:7050"], Other: ["o3:7050"] };
  assert.deepEqual(await learned(["o:7050"], organizations), ["o:7050"]);
  assert.deepEqual((await learned([], organizations)).toSorted(), [
    "o1:7050",
    "o2:7050",
    "o3:7050",
  ]);
  await assert.rejects(learned([], { OrdererOrg: [] }), {
    code: "no-orderers",
    message: "no orderer endpoints retrieved for channel mychannel",
  });
});
