/**
 * Statuses of the gateway, with the reasons of single peers and orderers beside them. Mirrors
 * internal/pkg/gateway/apiutils.go of Fabric 2.5.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { base64 } from "../base/bytes.ts";
import { messageOf } from "../base/errors.ts";
import { type ErrorDetail, ErrorDetailSchema } from "../gen/gateway/gateway_pb.ts";
import { StatusSchema } from "../gen/google/rpc/status_pb.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";

/** gRPC's own trailer for a google.rpc.Status. */
const detailsTrailer = "grpc-status-details-bin";

/** Clients limit the size of all trailers together; grpc-js to 16 KiB, of which the text takes up to 4. */
export const maxDetailsBytes = 6 * 1024;

/** At most so many peers and orderers are named. */
export const maxDetails = 32;

/** A message that had to be cut ends so. */
const cut = "...";

/** @returns the error for a handler to throw */
export function gatewayError(
  status: GrpcStatus,
  message: string,
  details: readonly ErrorDetail[] = [],
): RpcError {
  if (details.length === 0) return new RpcError(status, message);
  const trailers = { [detailsTrailer]: encodeDetails(status, message, details) };
  return new RpcError(status, message, { details }, undefined, undefined, trailers);
}

/** What happened at one address. */
export function errorDetail(
  endpoint: { readonly address: string; readonly mspId: string },
  message: string,
): ErrorDetail {
  const { address, mspId } = endpoint;
  return create(ErrorDetailSchema, { address, mspId, message });
}

/** An error as Go's clients print it: with its code where it has one. */
export function goErrorText(error: unknown): string {
  if (!(error instanceof RpcError)) return messageOf(error);
  const code = GrpcStatus[error.status].toLowerCase().replace(
    /(?:^|_)(.)/g,
    (_, first: string) => first.toUpperCase(),
  );
  return `rpc error: code = ${code === "Cancelled" ? "Canceled" : code} desc = ${error.message}`;
}

/** Unpadded base64 of a google.rpc.Status that fits into `maxDetailsBytes`. */
function encodeDetails(
  code: GrpcStatus,
  message: string,
  details: readonly ErrorDetail[],
): string {
  const named = details.slice(0, maxDetails);
  for (let longest = maxDetailsBytes;; longest = Math.floor(longest / 2)) {
    const status = create(StatusSchema, {
      code,
      message: shortened(message, longest),
      details: named.map((detail) =>
        create(AnySchema, {
          typeUrl: `type.googleapis.com/${ErrorDetailSchema.typeName}`,
          value: toBinary(
            ErrorDetailSchema,
            create(ErrorDetailSchema, {
              address: shortened(detail.address, longest),
              mspId: shortened(detail.mspId, longest),
              message: shortened(detail.message, longest),
            }),
          ),
        })
      ),
    });
    const bytes = toBinary(StatusSchema, status);
    if (bytes.length <= maxDetailsBytes || longest === 0) {
      return base64(bytes).replace(/=+$/, "");
    }
  }
}

function shortened(text: string, characters: number): string {
  // A lone half of a surrogate pair would not be UTF-8.
  return text.length <= characters ? text : text.slice(0, characters).toWellFormed() + cut;
}
