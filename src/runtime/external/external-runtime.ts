/**
 * Chaincode that the user starts (`chaincode.mode: dev`, or `external` for one chaincode): there is
 * nothing to build or to start, the launch just waits until the chaincode dials in and registers.
 * With TLS its key and certificate are left in a directory for the user, with the environment to use.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Deferred } from "../../base/async.ts";
import type { Logger } from "../../base/logger.ts";
import { exitStatus } from "../exit-status.ts";
import { launchEnvironment, tlsFiles, type TlsPaths } from "../launch-environment.ts";
import type {
  ChaincodeRuntime,
  ExitStatus,
  LaunchObserver,
  RunningChaincode,
  StartRequest,
} from "../types.ts";

export class ExternalRuntime implements ChaincodeRuntime {
  readonly kind = "external";
  readonly #waiting = new Set<() => void>();

  /**
   * @param logger told whom the peer waits for, and how to start it
   * @param directory gets a directory of TLS files for each instance, as long as it is waited for or runs
   */
  constructor(private readonly logger: Logger, private readonly directory?: string) {}

  build(): Promise<void> {
    return Promise.resolve();
  }

  start(request: StartRequest, observer: LaunchObserver): Promise<RunningChaincode> {
    const { chaincode, peerAddress } = request;
    const instance = `${chaincode.name}:${chaincode.version}`;
    observer.step("start", "begin", { instance });
    const place = this.#leaveTlsFiles(request);
    this.logger.info(
      `waiting for chaincode ${instance} to register: start it with ` +
        (place === undefined
          ? `CORE_CHAINCODE_ID_NAME=${instance} and peer address ${peerAddress}`
          : `the environment in ${join(place, environmentFile)} and peer address ${peerAddress}`),
      { instance, peerAddress },
    );
    observer.step("start", "end");
    const exited = new Deferred<ExitStatus>();
    // The process is not ours to end; the peer only lets go of it.
    const release = () => {
      if (!this.#waiting.delete(release)) return;
      if (place !== undefined) rmSync(place, { recursive: true, force: true });
      exited.resolve(exitStatus(undefined, undefined));
    };
    this.#waiting.add(release);
    return Promise.resolve({
      id: "external",
      exited: exited.promise,
      lastOutput: () => [],
      stop: () => {
        release();
        return Promise.resolve();
      },
    });
  }

  check(): Promise<{ ok: true; detail: string }> {
    return Promise.resolve({ ok: true, detail: "chaincode is started by the user" });
  }

  close(): Promise<void> {
    for (const release of [...this.#waiting]) release();
    return Promise.resolve();
  }

  /** @returns the directory, or undefined without TLS */
  #leaveTlsFiles(request: StartRequest): string | undefined {
    const { chaincode, tls } = request;
    if (tls === undefined || this.directory === undefined) return undefined;
    const name = `${chaincode.name}-${chaincode.version}`.replace(/[^\w.-]/g, "_");
    const place = join(this.directory, name);
    mkdirSync(place, { recursive: true, mode: 0o700 });
    const paths: TlsPaths = {
      clientKey: join(place, "client.key"),
      clientCertificate: join(place, "client.crt"),
      rootCertificate: join(place, "peer.crt"),
    };
    const environment = launchEnvironment(request, paths)
      .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`).join("");
    const files = [
      ...tlsFiles(tls, paths),
      { path: join(place, environmentFile), content: environment },
    ];
    for (const { path, content } of files) writeFileSync(path, content, { mode: 0o600 });
    return place;
  }
}

/** Lines for a shell. */
const environmentFile = "environment.sh";
