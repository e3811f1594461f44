/**
 * Chaincode as a service: it runs somewhere and listens, the peer dials it and the usual stream runs
 * over that connection. Nothing is built or started. Mirrors core/container/externalbuilder of Fabric 2.
 */
import { Deferred } from "../../base/async.ts";
import type { Clock } from "../../base/clock.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import type { ChaincodeServiceSettings } from "../../config/types.ts";
import { Chaincode } from "../../gen/denim/chaincode_service_pb.ts";
import type { ChaincodeMessage } from "../../gen/peer/chaincode_shim_pb.ts";
import { createRpcClient } from "../../rpc/client.ts";
import type { ClientStream } from "../../rpc/types.ts";
import { OutputLog } from "../output.ts";
import type {
  ChaincodeRuntime,
  ChaincodeToRun,
  ExitStatus,
  LaunchObserver,
  RunningChaincode,
  StartRequest,
} from "../types.ts";

type Stream = ClientStream<ChaincodeMessage, ChaincodeMessage>;

export interface ServiceRuntimeOptions {
  /** How a chaincode is reached. @throws DenimError where nothing says that */
  settingsOf(chaincode: ChaincodeToRun): ChaincodeServiceSettings;
  /**
   * The peer's side of the stream of `name:version`: takes the chaincode's messages, gives the peer's.
   */
  serve(
    instance: string,
    messages: AsyncIterable<ChaincodeMessage>,
  ): AsyncIterable<ChaincodeMessage>;
  readonly clock: Clock;
}

export class ServiceRuntime implements ChaincodeRuntime {
  readonly kind = "service";
  readonly #running = new Set<RunningChaincode>();

  constructor(private readonly options: ServiceRuntimeOptions) {}

  /** Nothing to build, but settings that are missing are told before anything is started. */
  build(chaincode: ChaincodeToRun): Promise<void> {
    return Promise.resolve().then(() => void this.options.settingsOf(chaincode));
  }

  async start(
    { chaincode }: StartRequest,
    observer: LaunchObserver,
    signal: AbortSignal,
  ): Promise<RunningChaincode> {
    const settings = this.options.settingsOf(chaincode);
    const { address } = settings;
    observer.step("connect", "begin", { address });
    try {
      const running = await this.#connect(chaincode, settings, observer, signal);
      observer.step("connect", "end");
      this.#running.add(running);
      void running.exited.finally(() => this.#running.delete(running));
      return running;
    } catch (error) {
      observer.step("connect", "failed", { address, error: messageOf(error) });
      throw new DenimError(
        "service-unreachable",
        `could not connect to the chaincode service ${address}: ${messageOf(error)}`,
        { address, chaincode: `${chaincode.name}:${chaincode.version}` },
        "Start the service with this chaincode id, or correct its address (chaincode.services.<name>).",
        { cause: error },
      );
    }
  }

  check(): Promise<{ ok: true; detail: string }> {
    return Promise.resolve({ ok: true, detail: "chaincode services are dialled on use" });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map((running) => running.stop()));
  }

  /** Resolves with the first message of the chaincode; from then on its end is an exit. */
  async #connect(
    chaincode: ChaincodeToRun,
    settings: ChaincodeServiceSettings,
    observer: LaunchObserver,
    signal: AbortSignal,
  ): Promise<RunningChaincode> {
    const instance = `${chaincode.name}:${chaincode.version}`;
    const { tls } = settings;
    const client = createRpcClient({
      address: settings.address,
      connectTimeoutMs: settings.dialTimeoutMs,
      tls: tls && {
        rootCertificates: [tls.rootCertificate],
        ...(tls.clientCertificate === "" ? {} : {
          certificate: tls.clientCertificate,
          key: tls.clientKey,
        }),
        ...(tls.serverNameOverride === "" ? {} : { serverNameOverride: tls.serverNameOverride }),
      },
    });
    const stopped = new AbortController();
    const stream: Stream = client.stream(Chaincode.method.connect, {
      signal: AbortSignal.any([stopped.signal]),
    });
    const output = new OutputLog(this.options.clock, (line) => observer.output(line));
    const first = new Deferred<void>();
    const messages = spied(stream.responses, first);
    const exited = this.#run(instance, stream, messages, first).then(async (why) => {
      output.add("stderr", why);
      first.reject(new Error(why));
      await client.close();
      return ended(settings.address, why);
    });
    const giveUp = () => stopped.abort();
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      if (signal.aborted) giveUp();
      await first.promise;
    } catch (error) {
      stopped.abort();
      await exited;
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
    return {
      id: settings.address,
      exited,
      lastOutput: () => output.lines(),
      stop: async () => {
        stopped.abort();
        stream.cancel();
        await exited;
      },
    };
  }

  /** Moves messages until one side ends. @returns why it ended */
  async #run(
    instance: string,
    stream: Stream,
    messages: AsyncIterable<ChaincodeMessage>,
    first: Deferred<void>,
  ): Promise<string> {
    try {
      for await (const message of this.options.serve(instance, messages)) {
        await stream.send(message);
      }
      stream.closeSend();
      stream.cancel();
      return first.settled ? "the stream has ended" : "it sent nothing";
    } catch (error) {
      stream.cancel();
      return messageOf(error);
    }
  }
}

/** Passes messages on and notes the first one; an error goes to whoever waits for that. */
async function* spied(
  messages: AsyncIterable<ChaincodeMessage>,
  first: Deferred<void>,
): AsyncGenerator<ChaincodeMessage, void, undefined> {
  try {
    for await (const message of messages) {
      first.resolve();
      yield message;
    }
  } catch (error) {
    first.reject(error);
    throw error;
  }
}

function ended(address: string, why: string): ExitStatus {
  return {
    code: undefined,
    signal: undefined,
    meaning: `the connection to the chaincode service ${address} ended: ${why}`,
  };
}
