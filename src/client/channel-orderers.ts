/** The orderer addresses of a channel, as its configuration block says. Mirrors peer/common GetOrdererEndpointOfChain. */
import { DenimError } from "../base/errors.ts";
import { BlockSchema, EnvelopeSchema, HeaderType, PayloadSchema } from "../gen/common/common_pb.ts";
import { ConfigEnvelopeSchema, type ConfigValue } from "../gen/common/configtx_pb.ts";
import { OrdererAddressesSchema } from "../gen/common/configuration_pb.ts";
import { decode } from "../protocol/decode.ts";
import { invocationOf } from "../protocol/proposal.ts";
import { type Proposer, query } from "./endorse.ts";

/** @throws DenimError `no-orderers`, `bad-response`; RpcError */
export async function ordererAddressesOf(
  proposer: Proposer,
  channelId: string,
): Promise<string[]> {
  const payload = await query(proposer, "", invocationOf("cscc", ["GetConfigBlock", channelId]), {
    type: HeaderType.CONFIG,
  });
  const block = decode(BlockSchema, payload);
  const envelope = decode(EnvelopeSchema, block.data?.data[0] ?? new Uint8Array(0));
  const { data } = decode(PayloadSchema, envelope.payload);
  const channelGroup = decode(ConfigEnvelopeSchema, data).config?.channelGroup;
  const addressesIn = (value: ConfigValue | undefined) =>
    value === undefined ? [] : decode(OrdererAddressesSchema, value.value).addresses;
  // The channel's own, else those of the organisations that run orderers: 1.4.2 stops at the first.
  const organizations = Object.values(channelGroup?.groups["Orderer"]?.groups ?? {});
  const common = addressesIn(channelGroup?.values["OrdererAddresses"]);
  const addresses = common.length > 0
    ? common
    : organizations.flatMap(({ values }) => addressesIn(values["Endpoints"]));
  if (addresses.length === 0) {
    throw new DenimError(
      "no-orderers",
      `no orderer endpoints retrieved for channel ${channelId}`,
      { channelId },
      "give the orderer's address with -o",
    );
  }
  return addresses;
}
