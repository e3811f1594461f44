/** Sends what a StatsD provider has collected, at intervals. Mirrors startMetricsTickers of core/operations. */
import dgram from "node:dgram";
import dns from "node:dns/promises";
import net from "node:net";
import { Deferred, sleep } from "../base/async.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { StatsdProvider } from "./statsd.ts";

/** Bytes of one datagram: what fits into a frame of Ethernet undivided. */
export const maxDatagramBytes = 1_432;
/** Datagrams sent without a pause; the receiver's buffer and our other work need room. */
const datagramsInARow = 64;
/** A connection must be made and written to within this. */
export const tcpTimeoutMs = 5_000;

export interface StatsdSenderOptions {
  readonly provider: StatsdProvider;
  /** `udp` or `tcp`. */
  readonly network: string;
  /** host:port */
  readonly address: string;
  readonly writeIntervalMs: number;
  readonly logger: Logger;
}

/** Where lines go. */
interface Sink {
  send(lines: readonly string[]): Promise<void>;
  close(): void;
}

export class StatsdSender {
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #failing = false;

  private constructor(private readonly options: StatsdSenderOptions, private readonly sink: Sink) {
    this.#running = this.#run();
  }

  /** @throws DenimError `statsd-address` where the address cannot be used */
  static async start(options: StatsdSenderOptions): Promise<StatsdSender> {
    const { network, address, writeIntervalMs } = options;
    const cannot = (why: string) =>
      new DenimError(
        "statsd-address",
        `cannot send metrics to ${network} ${address}: ${why}`,
        { network, address },
        "correct metrics.statsd in core.yaml",
      );
    if (!(writeIntervalMs > 0)) throw cannot("writeInterval must be longer than nothing");
    const match = /^\[?(.*?)\]?:(\d+)$/.exec(address);
    if (match === null) throw cannot("the address must be host:port");
    const port = Number(match[2]);
    if (/^udp[46]?$/.test(network)) {
      const host = await dns.lookup(match[1] || "127.0.0.1").catch((error) => {
        throw cannot(messageOf(error));
      });
      return new StatsdSender(options, new UdpSink(host, port));
    }
    if (!/^tcp[46]?$/.test(network)) throw cannot(`unknown network ${network}`);
    const sink = new TcpSink(match[1] || "127.0.0.1", port);
    // As in Fabric: a server that is not there at the start is an error, one that goes later is not.
    await sink.send([]).catch((error) => {
      sink.close();
      throw cannot(messageOf(error));
    });
    return new StatsdSender(options, sink);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await sleep(this.options.writeIntervalMs, signal);
      await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const { provider, logger, network, address } = this.options;
    const { lines, droppedTimings } = provider.take();
    if (droppedTimings > 0) {
      logger.warn(`${droppedTimings} timings were not sent: too many within one writeInterval`);
    }
    try {
      await this.sink.send(lines);
      if (this.#failing) logger.info(`metrics reach ${network} ${address} again`);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) {
        logger.warn(`metrics do not reach ${network} ${address}: ${messageOf(error)}`);
      }
      this.#failing = true;
    }
  }

  /** Sends what is left and ends. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.sink.close();
  }
}

class UdpSink implements Sink {
  readonly #socket: dgram.Socket;
  #failure: Error | undefined;

  constructor(private readonly host: { address: string; family: number }, readonly port: number) {
    this.#socket = dgram.createSocket(host.family === 6 ? "udp6" : "udp4");
    // "Connection refused" of an earlier datagram; datagrams may get lost.
    this.#socket.on("error", (error) => this.#failure = error);
    this.#socket.unref();
  }

  async send(lines: readonly string[]): Promise<void> {
    this.#failure = undefined;
    let sent = 0;
    for (const datagram of datagrams(lines)) {
      if (++sent % datagramsInARow === 0) await sleep(1);
      const done = new Deferred<void>();
      this.#socket.send(datagram, this.port, this.host.address, (error) => {
        if (error) done.reject(error);
        else done.resolve();
      });
      await done.promise;
    }
    if (this.#failure) throw this.#failure;
  }

  close(): void {
    this.#socket.close();
  }
}

/** Lines together in datagrams; a line that is longer than one goes alone. */
export function* datagrams(lines: readonly string[]): Generator<string> {
  let datagram = "";
  let bytes = 0;
  for (const line of lines) {
    const length = new TextEncoder().encode(line).length + 1;
    if (bytes > 0 && bytes + length > maxDatagramBytes) {
      yield datagram;
      datagram = "";
      bytes = 0;
    }
    datagram += `${line}\n`;
    bytes += length;
  }
  if (bytes > 0) yield datagram;
}

/** A connection, made anew after it broke. */
class TcpSink implements Sink {
  #socket: net.Socket | undefined;

  constructor(private readonly host: string, private readonly port: number) {}

  async send(lines: readonly string[]): Promise<void> {
    const socket = this.#socket ?? await this.#connect();
    if (lines.length === 0) return;
    const written = new Deferred<void>();
    const timer = setTimeout(() => socket.destroy(new Error("not written in time")), tcpTimeoutMs);
    const failed = (error?: Error) => written.reject(error ?? new Error("connection closed"));
    socket.once("close", failed);
    socket.write(lines.join("\n") + "\n", (error) => error ? failed(error) : written.resolve());
    try {
      await written.promise;
    } finally {
      clearTimeout(timer);
      socket.off("close", failed);
    }
  }

  async #connect(): Promise<net.Socket> {
    const connected = new Deferred<void>();
    const socket = net.connect({ host: this.host, port: this.port });
    const timer = setTimeout(
      () => socket.destroy(new Error("no connection in time")),
      tcpTimeoutMs,
    );
    socket.on("error", (error) => connected.reject(error));
    socket.once("connect", () => connected.resolve());
    socket.once("close", () => {
      if (this.#socket === socket) this.#socket = undefined;
      connected.reject(new Error("connection closed"));
    });
    socket.resume();
    try {
      await connected.promise;
    } finally {
      clearTimeout(timer);
    }
    this.#socket = socket;
    return socket;
  }

  close(): void {
    this.#socket?.destroy();
  }
}
