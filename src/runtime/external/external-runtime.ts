/**
 * Chaincode that the user starts (`chaincode.mode: dev`): there is nothing to build or to start,
 * the launch just waits until the chaincode dials in and registers.
 */
import { Deferred } from "../../base/async.ts";
import type { Logger } from "../../base/logger.ts";
import { exitStatus } from "../exit-status.ts";
import type {
  ChaincodeRuntime,
  ExitStatus,
  LaunchObserver,
  RunningChaincode,
  StartRequest,
} from "../types.ts";

export class ExternalRuntime implements ChaincodeRuntime {
  readonly kind = "external";
  readonly #waiting = new Set<Deferred<ExitStatus>>();

  /** @param logger told whom the peer waits for, and how to start it */
  constructor(private readonly logger: Logger) {}

  build(): Promise<void> {
    return Promise.resolve();
  }

  start(
    { chaincode, peerAddress }: StartRequest,
    observer: LaunchObserver,
  ): Promise<RunningChaincode> {
    const instance = `${chaincode.name}:${chaincode.version}`;
    observer.step("start", "begin", { instance });
    this.logger.info(
      `waiting for chaincode ${instance} to register: start it with ` +
        `CORE_CHAINCODE_ID_NAME=${instance} and peer address ${peerAddress}`,
      { instance, peerAddress },
    );
    observer.step("start", "end");
    const exited = new Deferred<ExitStatus>();
    this.#waiting.add(exited);
    return Promise.resolve({
      id: "external",
      exited: exited.promise,
      lastOutput: () => [],
      stop: () => {
        this.#release(exited);
        return Promise.resolve();
      },
    });
  }

  check(): Promise<{ ok: true; detail: string }> {
    return Promise.resolve({ ok: true, detail: "chaincode is started by the user" });
  }

  close(): Promise<void> {
    for (const exited of this.#waiting) this.#release(exited);
    return Promise.resolve();
  }

  /** The process is not ours to end; the peer only lets go of it. */
  #release(exited: Deferred<ExitStatus>): void {
    this.#waiting.delete(exited);
    exited.resolve(exitStatus(undefined, undefined));
  }
}
