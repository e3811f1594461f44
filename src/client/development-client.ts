/** The Development service as an administrator's client uses it; see proto/denim/dev.proto. */
import { create, toBinary } from "@bufbuild/protobuf";
import { type AttachEvent, AttachRequestSchema, Development } from "../gen/denim/dev_pb.ts";
import { HeaderType } from "../gen/common/common_pb.ts";
import { createSignedEnvelope } from "../protocol/envelope.ts";
import { newNonce } from "../protocol/txid.ts";
import type { Proposer } from "./endorse.ts";

/**
 * Takes over the running of `name:version` until the signal aborts. The first event says how the
 * chaincode reaches the peer.
 * @throws RpcError of the peer: access denied, attached already, UNIMPLEMENTED of a Fabric peer
 */
export function attachChaincode(
  { signer, clock, peers: [peer] }: Proposer,
  name: string,
  version: string,
  signal: AbortSignal,
): AsyncIterable<AttachEvent> {
  const request = create(AttachRequestSchema, { purpose: "denim.dev.attach", name, version });
  const envelope = createSignedEnvelope({
    type: HeaderType.PEER_ADMIN_OPERATION,
    channelId: "",
    data: toBinary(AttachRequestSchema, request),
    clock,
    signer,
    nonce: newNonce(),
  });
  return peer.serverStream(Development.method.attach, envelope, signal);
}
