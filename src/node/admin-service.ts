/** The Admin service: status and log levels, for the peer's own administrators. Mirrors core/admin. */
import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { LogWriter } from "../base/log-writer.ts";
import { type Envelope, HeaderType } from "../gen/common/common_pb.ts";
import {
  type Admin,
  type AdminOperation,
  AdminOperationSchema,
  LogLevelResponseSchema,
  LogSpecResponseSchema,
  ServerStatus_StatusCode,
  ServerStatusSchema,
} from "../gen/peer/admin_pb.ts";
import type { Policy } from "../policy/types.ts";
import { openEnvelope } from "../protocol/envelope.ts";
import { decode } from "../protocol/decode.ts";
import { envelopeSignedData } from "../protocol/signed-data.ts";
import { timestampToMs } from "../protocol/timestamp.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import type { CallContext, ServiceHandlers } from "../rpc/types.ts";

/** How far a request's time may be from ours. */
const maxTimeDifferenceMs = 15 * 60_000;

export interface AdminServiceOptions {
  /** Administrators of the local MSP. */
  readonly policy: Policy;
  readonly log: LogWriter;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Handlers for `protos.Admin`. */
export function createAdminService(options: AdminServiceOptions): ServiceHandlers<typeof Admin> {
  const { log } = options;
  const specAtStart = log.spec.text;
  const started = () => create(ServerStatusSchema, { status: ServerStatus_StatusCode.STARTED });

  /** Checks who asks, then answers. */
  const guarded = <D extends DescMessage>(
    answer: (operation: AdminOperation) => MessageShape<D>,
  ) =>
  (request: Envelope, context: CallContext) => answer(authorized(options, request, context));

  const levelRequest = (operation: AdminOperation) => {
    if (operation.content.case !== "logReq") throw new DenimError("bad-request", "request is nil");
    return operation.content.value;
  };

  return {
    getStatus: guarded<typeof ServerStatusSchema>(started),
    startServer: guarded<typeof ServerStatusSchema>(started),
    getModuleLogLevel: guarded<typeof LogLevelResponseSchema>((operation) => {
      const { logModule } = levelRequest(operation);
      return create(LogLevelResponseSchema, {
        logModule,
        logLevel: log.spec.levelOf(logModule).toUpperCase(),
      });
    }),
    setModuleLogLevel: guarded<typeof LogLevelResponseSchema>((operation) => {
      const { logModule, logLevel } = levelRequest(operation);
      const spec = `${log.spec.text}:${logModule}=${logLevel}`;
      try {
        log.activate(spec);
      } catch (error) {
        throw new RpcError(
          GrpcStatus.INVALID_ARGUMENT,
          `error setting log spec to '${spec}': ${messageOf(error)}`,
        );
      }
      return create(LogLevelResponseSchema, { logModule, logLevel: logLevel.toUpperCase() });
    }),
    revertLogLevels: guarded<typeof EmptySchema>(() => {
      log.activate(specAtStart);
      return create(EmptySchema);
    }),
    getLogSpec: guarded<typeof LogSpecResponseSchema>(() =>
      create(LogSpecResponseSchema, { logSpec: log.spec.text })
    ),
    setLogSpec: guarded<typeof LogSpecResponseSchema>((operation) => {
      if (operation.content.case !== "logSpecReq") {
        throw new DenimError("bad-request", "request is nil");
      }
      const { logSpec } = operation.content.value;
      try {
        log.activate(logSpec);
        return create(LogSpecResponseSchema, { logSpec });
      } catch (error) {
        return create(LogSpecResponseSchema, { logSpec, error: messageOf(error) });
      }
    }),
  };
}

/** @throws DenimError `bad-request`, `access-denied` */
function authorized(
  { policy, clock, logger }: AdminServiceOptions,
  request: Envelope,
  { remoteAddress }: CallContext,
): AdminOperation {
  const { channelHeader, payload } = openEnvelope(request);
  if (channelHeader.type !== HeaderType.PEER_ADMIN_OPERATION) {
    throw new DenimError(
      "bad-request",
      `bad request: invalid type ${HeaderType[channelHeader.type] ?? channelHeader.type}`,
    );
  }
  const operation = decode(AdminOperationSchema, payload.data);
  if (channelHeader.timestamp === undefined) throw new DenimError("bad-request", "empty timestamp");
  const differenceMs = Math.abs(timestampToMs(channelHeader.timestamp) - clock.now());
  if (!(differenceMs <= maxTimeDifferenceMs)) {
    logger.warn(`Request from ${remoteAddress} unauthorized due to incorrect time`, {
      differenceMs,
    });
    throw new DenimError("access-denied", "access denied");
  }
  try {
    policy.evaluate(envelopeSignedData(request));
  } catch (error) {
    logger.warn(`Request from ${remoteAddress} unauthorized: ${messageOf(error)}`);
    throw new DenimError("access-denied", "access denied");
  }
  return operation;
}
