/** The Admin service: status and log levels, for the peer's own administrators. Mirrors core/admin. */
import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { DenimError, messageOf } from "../base/errors.ts";
import type { LogWriter } from "../base/log-writer.ts";
import type { Envelope } from "../gen/common/common_pb.ts";
import {
  type Admin,
  type AdminOperation,
  AdminOperationSchema,
  LogLevelResponseSchema,
  LogSpecResponseSchema,
  ServerStatus_StatusCode,
  ServerStatusSchema,
} from "../gen/peer/admin_pb.ts";
import { decode } from "../protocol/decode.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import type { CallContext, ServiceHandlers } from "../rpc/types.ts";
import { type AdminAuthority, authorizedOperation } from "./admin-authority.ts";

export interface AdminServiceOptions extends AdminAuthority {
  readonly log: LogWriter;
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
  (request: Envelope, context: CallContext) =>
    answer(authorizedOperation(options, request, context, operationOf));

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
        logLevel: log.spec.levelNameOf(logModule).toUpperCase(),
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

function operationOf(data: Uint8Array): AdminOperation {
  return decode(AdminOperationSchema, data, "message for type PEER_ADMIN_OPERATION");
}
