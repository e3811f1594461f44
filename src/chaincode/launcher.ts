/**
 * Brings chaincode instances up and takes them down. Mirrors core/chaincode/runtime_launcher.go,
 * with what 1.4.2 gets wrong put right: one launch per `name:version` at a time, a deadline for
 * every waiter, a failure wakes all of them with its cause, and the next attempt starts clean.
 */
import { Deferred } from "../base/async.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type {
  ChaincodeRuntime,
  ChaincodeTls,
  ChaincodeToRun,
  OutputLine,
  RunningChaincode,
} from "../runtime/types.ts";
import { instanceName } from "./chaincode-name.ts";
import type { Handler } from "./handler.ts";
import {
  describeExit,
  exitedBeforeReady,
  howEnded,
  launchTimedOut,
  quoteOutput,
  withRemedy,
} from "./launch-failure.ts";
import type { LaunchRecorder } from "./launch-record.ts";
import type {
  LauncherOptions,
  LaunchTarget,
  LaunchWish,
  RunningInstance,
} from "./launcher-types.ts";
import { exitOf, untilAborted, within } from "./waiting.ts";
import { wrapError } from "./wrap-error.ts";

/** How long an instance whose stream has ended may take to end by itself before it is stopped. */
export const exitGraceMs = 2_000;
/** How long an execution that lost its stream waits to learn why; a busy engine tells an end late. */
export const exitReportGraceMs = 2_000;
/** How long the next launch of an instance waits for the clean-up of the last one. */
export const cleanupTimeoutMs = 30_000;

export class Launcher {
  readonly #launches = new Map<string, Launch>();
  readonly #running = new Map<string, RunningInstance>();
  readonly #cleanups = new Map<string, Promise<void>>();
  /** Instances by handler, also after they ended: executions that lost their stream ask here. */
  readonly #instanceOf = new WeakMap<Handler, RunningInstance>();
  readonly #closing = new AbortController();

  constructor(private readonly options: LauncherOptions) {}

  /**
   * The handler of `name:version`, launching it unless it is connected.
   *
   * @throws DenimError with Fabric's texts: no package, build or start failure, early exit, timeout;
   *   `launch-paused` for what has crashed too often
   */
  async launch(target: LaunchTarget, wish: LaunchWish = {}): Promise<Handler> {
    const instance = instanceName(target.name, target.version);
    const connected = this.options.registry.handler(instance);
    if (connected !== undefined) return connected;
    if (this.#closing.signal.aborted) {
      throw new DenimError("shutting-down", "the peer is shutting down");
    }
    let launch = this.#launches.get(instance);
    if (launch === undefined) {
      if (wish.deliberate) this.options.backoff.forgive(instance);
      else this.options.backoff.check(instance);
      launch = this.#begin(instance, target);
    }
    if (wish.txId !== undefined) launch.recorder.wantedBy(wish.txId);
    return await this.#waitFor(instance, launch.result.promise, wish.signal);
  }

  /** Launched instances that are connected. */
  instances(): RunningInstance[] {
    return [...this.#running.values()];
  }

  /** Stops an instance or its launch; resolves when it is gone. No error where there is none. */
  async stop(name: string, version: string): Promise<void> {
    const instance = instanceName(name, version);
    const launch = this.#launches.get(instance);
    if (launch !== undefined) {
      launch.cancel.abort(
        new DenimError("chaincode-stopped", `chaincode ${instance} was stopped while starting`),
      );
      await launch.result.promise.catch(() => {});
    }
    const running = this.#running.get(instance);
    this.options.backoff.forgive(instance);
    if (running !== undefined) {
      running.recorder.ended("stopped");
      this.#retire(instance, running, 0);
    }
    await this.#cleanups.get(instance);
  }

  /** Stops everything. */
  async close(): Promise<void> {
    this.#closing.abort();
    const names = new Set([...this.#launches.keys(), ...this.#running.keys()]);
    await Promise.all([...names].map(async (instance) => {
      const colon = instance.indexOf(":");
      await this.stop(instance.slice(0, colon), instance.slice(colon + 1));
    }));
    await Promise.all(this.#cleanups.values());
  }

  /** A connected instance's stream has ended: what is left of it is removed. */
  streamClosed(handler: Handler): void {
    const running = this.#running.get(handler.instance);
    if (running?.handler !== handler) return;
    this.#crashed(running, "its stream ended");
    this.#retire(handler.instance, running, running.runtime === "external" ? 0 : exitGraceMs);
  }

  /** Why a handler's instance ended, as text for an error; "" where that cannot be told soon. */
  async exitReport(handler: Handler): Promise<string> {
    const instance = this.#instanceOf.get(handler);
    if (instance === undefined) return "";
    const status = await within(instance.exited, exitReportGraceMs);
    if (status === undefined) return quoteOutput(instance.running.lastOutput());
    return `: ${howEnded(status, instance.running)}`;
  }

  #begin(instance: string, target: LaunchTarget): Launch {
    const recorder = this.options.history.begin(target.name, target.version);
    const launch: Launch = {
      result: new Deferred<Handler>(),
      cancel: new AbortController(),
      recorder,
    };
    this.#launches.set(instance, launch);
    void this.#run(instance, target, launch.cancel, recorder).then(
      (handler) => {
        this.#launches.delete(instance);
        recorder.finish();
        launch.result.resolve(handler);
      },
      (thrown) => {
        const error = withRemedy(thrown);
        this.#launches.delete(instance);
        this.options.authenticator?.revoke(instance);
        recorder.finish(error);
        if (error.code === "chaincode-exited") {
          this.options.backoff.crashed(instance, 0, messageOf(thrown));
          this.options.onCrash?.(target.name, target.version);
        }
        this.options.logger.error(`launch of ${instance} failed: ${messageOf(error)}`, {
          instance,
        });
        launch.result.reject(error);
      },
    );
    return launch;
  }

  /** The launch itself; ends at the deadline or when cancelled, leaving clean-up running behind. */
  async #run(
    instance: string,
    target: LaunchTarget,
    cancel: AbortController,
    recorder: LaunchRecorder,
  ): Promise<Handler> {
    const { startupTimeoutMs, registry } = this.options;
    const attempt = new LaunchAttempt();
    const timeOut = () => {
      const step = recorder.snapshot().steps.findLast(({ outcome }) => outcome === "running")?.name;
      const output = attempt.running?.lastOutput() ?? recorder.output.lines();
      cancel.abort(launchTimedOut(instance, startupTimeoutMs, { step, output }));
    };
    const timer = setTimeout(timeOut, startupTimeoutMs);
    const work = this.#steps(instance, target, cancel.signal, recorder, attempt);
    try {
      const handler = await untilAborted(work, cancel.signal);
      this.#watch(instance, handler, target, recorder, attempt);
      return handler;
    } catch (error) {
      registry.unexpect(instance);
      cancel.abort(error);
      this.#cleanUp(
        instance,
        work.then(() => {}, () => {}).then(() => attempt.running?.stop()),
      );
      registry.handler(instance)?.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #steps(
    instance: string,
    target: LaunchTarget,
    signal: AbortSignal,
    recorder: LaunchRecorder,
    attempt: LaunchAttempt,
  ): Promise<Handler> {
    const { registry, authenticator, peerAddress, environment, logger } = this.options;
    await this.#cleanups.get(instance);
    const chaincode = await recorder.step("package", () => load(target));
    signal.throwIfAborted();
    const observer = {
      step(name: string, state: "begin" | "end" | "failed", facts?: Record<string, unknown>) {
        if (state === "begin") recorder.begin(name, facts);
        else recorder.end(name, state === "end" ? "ok" : "failed", facts);
      },
      output(line: OutputLine) {
        logger.debug(line.text, { instance });
        recorder.wrote(line);
      },
    };
    let ready: Promise<Handler>;
    try {
      const runtime = await this.options.runtimeFor(chaincode);
      attempt.kind = runtime.kind;
      recorder.runsIn(runtime.kind);
      await runtime.build(chaincode, observer, signal);
      signal.throwIfAborted();
      let tls: ChaincodeTls | undefined;
      if (authenticator !== undefined) {
        tls = await recorder.step("tls", () => authenticator.issue(instance));
      }
      ready = registry.expect(instance);
      attempt.running = await runtime.start(
        { chaincode, peerAddress, tls, environment },
        observer,
        signal,
      );
    } catch (error) {
      // Fabric wraps twice, once in the runtime and once in the launcher; scripts look for this text.
      throw wrapError("error starting container: error starting container", error);
    }
    signal.throwIfAborted();
    const { running } = attempt;
    recorder.runsAs(running.id);
    recorder.begin("register");
    const exited = exitOf(running).then((status) => ({ status }));
    const first = await untilAborted(Promise.race([ready, exited]), signal);
    if ("status" in first) throw exitedBeforeReady(instance, first.status, running.lastOutput());
    recorder.end("register", "ok");
    recorder.ready();
    return first;
  }

  #watch(
    instance: string,
    handler: Handler,
    target: LaunchTarget,
    recorder: LaunchRecorder,
    attempt: LaunchAttempt,
  ): void {
    const { running, kind } = attempt;
    if (running === undefined || kind === undefined) return;
    const { name, version } = target;
    const exited = exitOf(running);
    const entry: RunningInstance = {
      name,
      version,
      runtime: kind,
      running,
      exited,
      handler,
      recorder,
      readyAt: this.options.clock.now(),
      forDeployment: target.forDeployment ?? false,
    };
    this.#instanceOf.set(handler, entry);
    this.#running.set(instance, entry);
    // It may have gone in the moment between becoming ready and here.
    if (handler.state !== "ready") {
      this.#crashed(entry, "its stream ended");
      this.#retire(instance, entry, exitGraceMs);
    }
    void exited.then((status) => {
      const how = describeExit(status, running.lastOutput());
      recorder.ended(how);
      this.options.backoff.explain(instance, howEnded(status, running));
      if (this.#running.get(instance) !== entry) return;
      this.#crashed(entry, howEnded(status, running));
      this.options.logger.warn(`chaincode ${instance} ended: ${how}`, {
        instance,
        exitCode: status.code,
      });
      this.#retire(instance, entry, 0);
    });
  }

  /** A connected instance ended by itself. */
  #crashed({ name, version, runtime, readyAt }: RunningInstance, reason: string): void {
    if (runtime === "external" || this.#closing.signal.aborted) return;
    const { backoff, clock, onCrash } = this.options;
    // Dialling a service that was restarted costs nothing that a pause would save.
    if (runtime !== "service") {
      backoff.crashed(instanceName(name, version), clock.now() - readyAt, reason);
    }
    onCrash?.(name, version);
  }

  /** Forgets a connected instance and removes what is left of it. */
  #retire(instance: string, entry: RunningInstance, graceMs: number): void {
    if (this.#running.get(instance) !== entry) return;
    this.#running.delete(instance);
    this.options.authenticator?.revoke(instance);
    entry.handler.close();
    const gone = within(entry.exited, graceMs, this.#closing.signal);
    this.#cleanUp(instance, gone.then(() => entry.running.stop()));
  }

  #cleanUp(instance: string, work: Promise<unknown>): void {
    const logged = work.then(() => {}, (error) => {
      this.options.logger.warn(`could not stop ${instance}: ${messageOf(error)}`, { instance });
    });
    const before = this.#cleanups.get(instance);
    const cleanup = within(Promise.all([before, logged]), cleanupTimeoutMs).then(() => {
      if (this.#cleanups.get(instance) === cleanup) this.#cleanups.delete(instance);
    });
    this.#cleanups.set(instance, cleanup);
  }

  async #waitFor(
    instance: string,
    result: Promise<Handler>,
    signal: AbortSignal | undefined,
  ): Promise<Handler> {
    if (signal === undefined) return await result;
    const gone = new DenimError("cancelled", `the caller went away while starting ${instance}`);
    return await untilAborted(result, signal, gone);
  }
}

/** A launch under way. */
interface Launch {
  readonly result: Deferred<Handler>;
  readonly cancel: AbortController;
  readonly recorder: LaunchRecorder;
}

/** What a launch has brought into being so far, for the clean-up. */
class LaunchAttempt {
  kind: ChaincodeRuntime["kind"] | undefined;
  running: RunningChaincode | undefined;
}

function load(target: LaunchTarget): ChaincodeToRun {
  try {
    return target.load();
  } catch (error) {
    throw wrapError("failed to get chaincode package", error);
  }
}
