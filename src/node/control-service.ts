/**
 * The Control service: looking after running chaincode, for the peer's own administrators. Denim's
 * own; Fabric has no counterpart.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import type { ChaincodeHost, ConnectedChaincode } from "../chaincode/chaincode-host.ts";
import type { LaunchEvent } from "../chaincode/launch-feed.ts";
import type { LaunchRecord, LaunchStep } from "../chaincode/launch-record.ts";
import type { LaunchRecorder } from "../chaincode/launch-record.ts";
import type { Envelope } from "../gen/common/common_pb.ts";
import {
  type Control,
  type ControlRequest,
  ControlRequestSchema,
  type Instances,
  InstancesSchema,
  LaunchListSchema,
  LaunchSchema,
  Outcome,
  type OutputLine,
  OutputLineSchema,
  PrunedSchema,
  StepSchema,
  type TraceEvent,
  TraceEventSchema,
} from "../gen/denim/control_pb.ts";
import { decode } from "../protocol/decode.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import type { CallContext, ServiceHandlers } from "../rpc/types.ts";
import type { OutputLine as WrittenLine, PrunedItem } from "../runtime/types.ts";
import { type AdminAuthority, authorizedOperation } from "./admin-authority.ts";

export interface ControlServiceOptions extends AdminAuthority {
  readonly chaincode: ChaincodeHost;
  /** Removes what nothing uses. */
  prune(): Promise<PrunedItem[]>;
}

type Content = ControlRequest["content"];
type RequestOf<Case extends Content["case"]> = Extract<Content, { case: Case }>["value"];

/** Handlers for `denim.Control`. */
export function createControlService(
  options: ControlServiceOptions,
): ServiceHandlers<typeof Control> {
  const { chaincode, logger } = options;
  const asked = <Case extends NonNullable<Content["case"]>>(
    name: Case,
    envelope: Envelope,
    context: CallContext,
  ): RequestOf<Case> => {
    const { content } = authorizedOperation(
      options,
      envelope,
      context,
      (data) => decode(ControlRequestSchema, data),
    );
    // A request signed for one method is no request for another.
    if (content.case !== name) throw new DenimError("bad-request", `bad request: no ${name}`);
    return content.value as RequestOf<Case>;
  };

  return {
    listLaunches(envelope, context) {
      const { name } = asked("listLaunches", envelope, context);
      const connected = chaincode.connected();
      const launches = chaincode.launchRecords(name === "" ? undefined : name)
        .map((record) => launchOf(record, connected));
      const unlaunched = connected.filter((instance) =>
        instance.launch === undefined && (name === "" || instance.name === name)
      );
      return create(LaunchListSchema, { launches: [...unlaunched.map(unlaunchedOf), ...launches] });
    },

    async *readOutput(envelope, context) {
      const request = asked("readOutput", envelope, context);
      const recorder = launchAsked(chaincode, request);
      if (request.follow && !recorder.over) {
        yield* followOutput(chaincode, recorder, request.tail, context.signal);
      } else yield* keptOutput(chaincode, recorder, request.tail);
    },

    async *trace(envelope, context) {
      const { name, txId } = asked("trace", envelope, context);
      const wants = (record: LaunchRecord) =>
        (name === "" && txId === "") || (name !== "" && record.name === name) ||
        (txId !== "" && record.txIds.includes(txId));
      const events = chaincode.launches.watch(wants, context.signal);
      yield create(TraceEventSchema);
      for await (const event of events) {
        const traced = traceEvent(event, chaincode);
        if (traced !== undefined) yield traced;
      }
    },

    async stop(envelope, context) {
      const { name, version } = asked("stop", envelope, context);
      const instances = instancesAsked(chaincode, name, version, true);
      for (const instance of instances) {
        logger.info(`stopping ${instance.name}:${instance.version}: an administrator asked for it`);
        await chaincode.stop(instance.name, instance.version);
      }
      return instancesOf(instances);
    },

    async restart(envelope, context) {
      const { name, version } = asked("restart", envelope, context);
      const restarted = [];
      for (const instance of instancesAsked(chaincode, name, version, false)) {
        logger.info(
          `restarting ${instance.name}:${instance.version}: an administrator asked for it`,
        );
        const record = await chaincode.restart(instance.name, instance.version, context.signal);
        restarted.push({ ...instance, launch: record?.number });
      }
      return instancesOf(restarted);
    },

    async prune(envelope, context) {
      asked("prune", envelope, context);
      const items = await options.prune();
      const reclaimed = items.reduce((sum, { bytes }) => sum + bytes, 0);
      logger.info(`pruned ${items.length} items, ${reclaimed} bytes`);
      return create(PrunedSchema, {
        items: items.map((item) => ({ ...item, bytes: BigInt(item.bytes) })),
        reclaimedBytes: BigInt(reclaimed),
      });
    },
  };
}

interface InstanceName {
  readonly name: string;
  readonly version: string;
  readonly launch?: number;
}

function instancesOf(instances: readonly InstanceName[]): Instances {
  return create(InstancesSchema, {
    instances: instances.map(({ name, version, launch }) => ({
      name,
      version,
      launch: BigInt(launch ?? 0),
    })),
  });
}

/** What runs or is being launched under this name; else, unless it has to run, the last that did. */
function instancesAsked(
  chaincode: ChaincodeHost,
  name: string,
  version: string,
  mustRun: boolean,
): InstanceName[] {
  const fits = (instance: InstanceName) =>
    instance.name === name && (version === "" || instance.version === version);
  const starting = chaincode.launchRecords(name).filter(({ outcome }) => outcome === "running");
  const versions = new Set(
    [...chaincode.connected(), ...starting].filter(fits).map((instance) => instance.version),
  );
  const running = [...versions].map((version) => ({ name, version }));
  if (running.length > 0) return running;
  const last = chaincode.launches.latest(name, version === "" ? undefined : version);
  if (last !== undefined && !mustRun) return [{ name, version: last.version }];
  throw notFound(
    `no instance of chaincode ${version === "" ? name : `${name}:${version}`} is running`,
  );
}

function notFound(message: string): RpcError {
  return new RpcError(GrpcStatus.NOT_FOUND, message);
}

function launchAsked(
  { launches }: ChaincodeHost,
  { launch, name, version }: RequestOf<"readOutput">,
): LaunchRecorder {
  if (launch !== 0n) {
    const recorder = launches.numbered(Number(launch));
    const { name: launched } = recorder?.snapshot() ?? {};
    if (recorder !== undefined && (name === "" || name === launched)) return recorder;
    throw notFound(`launch ${launch}${name === "" ? "" : ` of ${name}`} is not remembered`);
  }
  const recorder = launches.latest(name, version === "" ? undefined : version);
  if (recorder !== undefined) return recorder;
  throw notFound(
    `chaincode ${
      version === "" ? name : `${name}:${version}`
    } was never launched, as far as is remembered`,
  );
}

function* keptOutput(
  { launches }: ChaincodeHost,
  recorder: LaunchRecorder,
  tail: number,
): Generator<OutputLine> {
  const { number } = recorder;
  const kept = launches.output(recorder);
  const { lines } = kept;
  const shown = tail === 0 ? lines : lines.slice(-tail);
  let dropped = kept.dropped + lines.length - shown.length;
  for (const line of shown) {
    yield lineOf(number, line, dropped);
    dropped = 0;
  }
}

/** What is kept, then what comes, until the launch has failed or its instance has ended. */
async function* followOutput(
  { launches }: ChaincodeHost,
  recorder: LaunchRecorder,
  tail: number,
  signal: AbortSignal,
): AsyncGenerator<OutputLine, void, undefined> {
  const kept = recorder.output.lines().length;
  const skipped = tail === 0 ? 0 : Math.max(0, kept - tail);
  let left = skipped;
  let dropped = recorder.output.dropped + skipped;
  for await (const event of launches.follow(recorder, signal)) {
    if (event.kind === "output") {
      if (left-- > 0) continue;
      yield lineOf(recorder.number, event.line, dropped);
      dropped = 0;
    } else if (event.kind === "exited") return;
    else if (event.kind === "finished" && event.record.outcome === "failed") return;
  }
}

function lineOf(launch: number, { at, stream, text }: WrittenLine, dropped: number): OutputLine {
  return create(OutputLineSchema, {
    launch: BigInt(launch),
    at: BigInt(at),
    stream,
    text,
    dropped: BigInt(dropped),
  });
}

function traceEvent(event: LaunchEvent, { launches }: ChaincodeHost): TraceEvent | undefined {
  const record = launches.numbered(event.launch)?.snapshot();
  const instance = record === undefined ? "" : `${record.name}:${record.version}`;
  const launch = BigInt(event.launch);
  const traced = (content: MessageInitShape<typeof TraceEventSchema>["content"]) =>
    create(TraceEventSchema, { instance, launch, content });
  switch (event.kind) {
    case "step":
      return traced({ case: "step", value: stepOf(event.step) });
    case "output":
      return traced({ case: "output", value: lineOf(event.launch, event.line, 0) });
    case "finished":
      return traced({ case: "ended", value: launchOf(event.record, []) });
    case "exited":
      return undefined;
  }
}

const outcomes = { running: Outcome.RUNNING, ok: Outcome.OK, failed: Outcome.FAILED } as const;

function launchOf(record: LaunchRecord, connected: readonly ConnectedChaincode[]) {
  const { number, name, version, runtime, instanceId, beganAt, durationMs, error, exit } = record;
  const open = connected.find(({ launch }) => launch === number);
  return create(LaunchSchema, {
    number: BigInt(number),
    name,
    version,
    runtime,
    instanceId,
    beganAt: BigInt(beganAt),
    durationMs: BigInt(durationMs ?? 0),
    outcome: outcomes[record.outcome],
    error,
    steps: record.steps.map(stepOf),
    exit: exit && { at: BigInt(exit.at), reason: exit.reason },
    connected: open !== undefined,
    activeTransactions: open?.activeTransactions,
    txIds: [...record.txIds],
  });
}

/** Chaincode that the user started and that registered by itself. */
function unlaunchedOf({ name, version, activeTransactions }: ConnectedChaincode) {
  return create(LaunchSchema, {
    name,
    version,
    runtime: "external",
    outcome: Outcome.OK,
    connected: true,
    activeTransactions,
  });
}

function stepOf({ name, beganAt, durationMs, outcome, facts }: LaunchStep) {
  return create(StepSchema, {
    name,
    beganAt: BigInt(Math.round(beganAt)),
    durationMs: BigInt(Math.round(durationMs ?? 0)),
    outcome: outcomes[outcome],
    facts: JSON.stringify(facts),
  });
}
