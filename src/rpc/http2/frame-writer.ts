/** The frames that we send. */
import { concat } from "../../base/bytes.ts";
import { maxHeaderListBytes } from "./incoming.ts";
import type { Output } from "./output.ts";
import { encodeSettings } from "./peer-settings.ts";
import { clientPreface, type ErrorCode, Flag, FrameType, Setting } from "./protocol.ts";

export interface OwnSettings {
  readonly maxConcurrentStreams: number;
  readonly streamWindowBytes: number;
  readonly maxFrameBytes: number;
}

export class FrameWriter {
  constructor(readonly output: Output) {}

  /** What a connection begins with. */
  greet(role: "server" | "client", own: OwnSettings): void {
    if (role === "client") this.output.raw(clientPreface);
    const settings: [number, number][] = [
      [Setting.initialWindowSize, own.streamWindowBytes],
      [Setting.maxFrameSize, own.maxFrameBytes],
      [Setting.maxHeaderListSize, maxHeaderListBytes],
      role === "client"
        ? [Setting.enablePush, 0]
        : [Setting.maxConcurrentStreams, own.maxConcurrentStreams],
    ];
    this.output.frame(FrameType.settings, 0, 0, encodeSettings(settings));
  }

  acknowledgeSettings(): void {
    this.output.frame(FrameType.settings, Flag.ack, 0, noBytes);
  }

  data(streamId: number, bytes: Uint8Array, endStream: boolean): void {
    this.output.frame(FrameType.data, endStream ? Flag.endStream : 0, streamId, bytes);
  }

  /** @param maxFrameBytes what the other side takes; larger blocks go on in CONTINUATION frames */
  headers(streamId: number, block: Uint8Array, endStream: boolean, maxFrameBytes: number): void {
    let flags = endStream ? Flag.endStream : 0;
    let type: number = FrameType.headers;
    let rest = block;
    for (; rest.length > maxFrameBytes; rest = rest.subarray(maxFrameBytes)) {
      this.output.frame(type, flags, streamId, rest.subarray(0, maxFrameBytes));
      type = FrameType.continuation;
      flags = 0;
    }
    this.output.frame(type, flags | Flag.endHeaders, streamId, rest);
  }

  windowUpdate(streamId: number, bytes: number): void {
    this.output.frame(FrameType.windowUpdate, 0, streamId, bytes32(bytes));
  }

  reset(streamId: number, code: ErrorCode): void {
    this.output.frame(FrameType.rstStream, 0, streamId, bytes32(code));
  }

  ping(): void {
    this.output.frame(FrameType.ping, 0, 0, pingPayload);
  }

  answerPing(payload: Uint8Array): void {
    this.output.frame(FrameType.ping, Flag.ack, 0, payload);
  }

  goaway(lastStreamId: number, code: ErrorCode, reason: string): void {
    const debug = new TextEncoder().encode(reason);
    this.output.frame(FrameType.goaway, 0, 0, concat(bytes32(lastStreamId), bytes32(code), debug));
  }
}

const noBytes = new Uint8Array(0);
const pingPayload = new Uint8Array(8);

function bytes32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
