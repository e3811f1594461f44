/**
 * The Development service: administrators run chaincode themselves beside the peer (`denim chaincode
 * dev`). Denim's own; Fabric has only the development mode of the whole peer.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AsyncQueue } from "../base/async.ts";
import { DenimError } from "../base/errors.ts";
import type { Attachments } from "../chaincode/attachments.ts";
import { instanceName } from "../chaincode/chaincode-name.ts";
import {
  type AttachEvent,
  AttachEventSchema,
  type AttachRequest,
  AttachRequestSchema,
  type Development,
} from "../gen/denim/dev_pb.ts";
import { decode } from "../protocol/decode.ts";
import type { ServiceHandlers } from "../rpc/types.ts";
import { type AdminAuthority, authorizedOperation } from "./admin-authority.ts";

/** What an AttachRequest says it is for. */
export const attachPurpose = "denim.dev.attach";

export interface DevServiceOptions extends AdminAuthority {
  readonly attachments: Attachments;
}

/** Handlers for `denim.Development`. */
export function createDevService(
  options: DevServiceOptions,
): ServiceHandlers<typeof Development> {
  return {
    async *attach(envelope, context) {
      const { name, version } = authorizedOperation(options, envelope, context, decodeRequest);
      const instance = instanceName(name, version);
      const events = new AsyncQueue<AttachEvent>();
      const tell = (event: MessageInitShape<typeof AttachEventSchema>["event"]) =>
        events.push(create(AttachEventSchema, { event }));
      const attachment = await options.attachments.attach(
        instance,
        (what) => tell({ case: what, value: {} }),
      );
      options.logger.info(`chaincode ${instance} is run by ${context.remoteAddress} from now on`);
      const end = () => events.close();
      context.signal.addEventListener("abort", end, { once: true });
      if (context.signal.aborted) end();
      const { address, tls } = attachment;
      tell({
        case: "attached",
        value: {
          address,
          clientKey: tls?.clientKey,
          clientCertificate: tls?.clientCertificate,
          rootCertificate: tls?.rootCertificate,
        },
      });
      try {
        yield* events;
      } finally {
        context.signal.removeEventListener("abort", end);
        attachment.release();
        options.logger.info(`chaincode ${instance} is no longer run by ${context.remoteAddress}`);
      }
    },
  };
}

/** @throws DenimError `bad-request` */
function decodeRequest(data: Uint8Array): AttachRequest {
  const request = decode(AttachRequestSchema, data);
  if (request.purpose !== attachPurpose || request.name === "" || request.version === "") {
    throw new DenimError("bad-request", "bad request: no attach request with name and version");
  }
  return request;
}
