/**
 * The peer's block events: protos.Deliver. Mirrors core/peer/deliverevents.go; the call with private
 * data is that of Fabric 2.x.
 */
import { create } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../base/errors.ts";
import type { AclProvider } from "../channel/types.ts";
import { type Block, Status } from "../gen/common/common_pb.ts";
import { Deliver, type DeliverResponse, DeliverResponseSchema } from "../gen/peer/events_pb.ts";
import type { SignedData } from "../policy/types.ts";
import type { RpcServer } from "../rpc/types.ts";
import { type PrivateDataSource, readablePrivateData } from "./block-private-data.ts";
import { toFilteredBlock } from "./filtered-block.ts";
import { defaultTimeWindowMs, DeliverHandler, type DeliverOptions } from "./handler.ts";
import type { DeliverKind } from "./types.ts";

export interface PeerDeliverOptions extends DeliverOptions {
  /** Asked for `event/Block` and `event/FilteredBlock`. */
  readonly acl: AclProvider;
  /** Private data of a channel that is joined. */
  readonly privateData: (channelId: string) => PrivateDataSource | undefined;
}

/** Registers Deliver, DeliverFiltered and DeliverWithPrivateData. */
export function registerPeerDeliver(server: RpcServer, options: PeerDeliverOptions): void {
  const logger = options.logger.named("common.deliverevents");
  if (options.timeWindowMs === 0) {
    logger.warn("`peer.authentication.timewindow` not set; defaulting to 15m0s");
  }
  const handler = new DeliverHandler({
    ...options,
    timeWindowMs: options.timeWindowMs || defaultTimeWindowMs,
  });
  const access = (resource: string) => (signed: SignedData, channelId: string) =>
    options.acl.check(resource, channelId, signed);
  const status = (value: Status) =>
    create(DeliverResponseSchema, { Type: { case: "status", value } });
  const blocks: DeliverKind<DeliverResponse> = {
    checkAccess: access("event/Block"),
    status,
    block: (value) => create(DeliverResponseSchema, { Type: { case: "block", value } }),
  };
  // All listeners wait for the same block, and taking it apart costs milliseconds.
  const made = new WeakMap<Block, DeliverResponse>();
  const filtered: DeliverKind<DeliverResponse> = {
    filtered: true,
    checkAccess: access("event/FilteredBlock"),
    status,
    block: (block: Block) => {
      try {
        let response = made.get(block);
        if (!response) {
          const value = toFilteredBlock(block);
          response = create(DeliverResponseSchema, { Type: { case: "filteredBlock", value } });
          made.set(block, response);
        }
        return response;
      } catch (error) {
        logger.warn("no filtered block could be made", {
          number: block.header?.number,
          error: messageOf(error),
        });
        return status(Status.BAD_REQUEST);
      }
    },
  };
  const withPrivateData: DeliverKind<DeliverResponse> = {
    ...blocks,
    block: (block, { channelId, signed }) => {
      const source = options.privateData(channelId);
      if (!source) throw new DenimError("no-channel", `channel ${channelId} not found`);
      const privateDataMap = readablePrivateData(block, source, signed);
      return create(DeliverResponseSchema, {
        Type: { case: "blockAndPrivateData", value: { block, privateDataMap } },
      });
    },
  };
  server.register(Deliver, {
    deliver: (requests, context) => handler.handle(requests, context, blocks),
    deliverFiltered: (requests, context) => handler.handle(requests, context, filtered),
    deliverWithPrivateData: (requests, context) =>
      handler.handle(requests, context, withPrivateData),
  });
}
