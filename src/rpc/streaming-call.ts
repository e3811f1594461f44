/** A duplex stream for callers, over a call that is opened in the background. */
import type { CallScope } from "./call-scope.ts";
import type { CallEvents, ClientCall } from "./client-call.ts";
import { Inbox } from "./inbox.ts";
import { GrpcStatus, RpcError, toStatus } from "./status.ts";
import type { ClientStream } from "./types.ts";

export interface StreamingCallOptions<I, O> {
  readonly encode: (message: I) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => O;
  readonly scope: CallScope;
  /** Connects and makes the HTTP/2 stream. */
  readonly open: (events: CallEvents) => Promise<ClientCall>;
}

export class StreamingCall<I, O> implements ClientStream<I, O> {
  readonly responses: AsyncIterable<O>;
  readonly #options: StreamingCallOptions<I, O>;
  readonly #inbox: Inbox<O>;
  readonly #opened: Promise<ClientCall>;
  #call: ClientCall | undefined;
  #paused = false;
  #halfClosed = false;
  /** Senders wait in line, so that messages keep their order. */
  #lastSend: Promise<void> = Promise.resolve();
  #wakeSender: (() => void) | undefined;
  #ended: RpcError | undefined;

  constructor(options: StreamingCallOptions<I, O>) {
    this.#options = options;
    this.#inbox = new Inbox<O>({
      decode: options.decode,
      pause: (paused) => this.#pause(paused),
      abandoned: () => this.cancel(),
    });
    this.responses = this.#inbox;
    this.#opened = this.#open();
    this.#opened.catch(() => {});
  }

  async #open(): Promise<ClientCall> {
    try {
      const call = await this.#options.open({
        message: (bytes) => this.#inbox.push(bytes),
        room: () => this.#wakeSender?.(),
        end: (error) => this.#end(error),
      });
      this.#call = call;
      this.#options.scope.onCut((error) => call.cancel(error));
      if (this.#paused) call.pause();
      return call;
    } catch (error) {
      this.#end(toStatus(error));
      throw error;
    }
  }

  #pause(paused: boolean): void {
    this.#paused = paused;
    if (paused) this.#call?.pause();
    else this.#call?.resume();
  }

  #end(error: RpcError | undefined): void {
    if (this.#ended) return;
    this.#options.scope.end();
    this.#ended = error ?? new RpcError(GrpcStatus.OK, "the server has ended the call");
    if (error) this.#inbox.fail(error);
    else this.#inbox.close();
    this.#wakeSender?.();
  }

  send(message: I): Promise<void> {
    const frame = this.#options.encode(message);
    const sent = this.#lastSend.then(() => this.#send(frame));
    this.#lastSend = sent.catch(() => {});
    return sent;
  }

  async #send(frame: Uint8Array): Promise<void> {
    const call = this.#call ?? await this.#opened;
    if (this.#ended) throw this.#ended;
    if (this.#halfClosed) {
      throw new RpcError(GrpcStatus.INTERNAL, "send after closeSend");
    }
    if (call.write(frame)) return;
    await new Promise<void>((resolve) => this.#wakeSender = resolve);
    this.#wakeSender = undefined;
    if (this.#ended) throw this.#ended;
  }

  closeSend(): void {
    this.#lastSend = this.#lastSend.then(async () => {
      if (this.#halfClosed) return;
      this.#halfClosed = true;
      const call = await this.#opened;
      if (!this.#ended) call.halfClose();
    }).catch(() => {});
  }

  cancel(): void {
    this.#options.scope.cut(new RpcError(GrpcStatus.CANCELLED, "context canceled"));
  }
}
