/** What the other side's SETTINGS say, checked, and how ours are written. */
import { uint32 } from "./frame-splitter.ts";
import {
  ConnectionError,
  ErrorCode,
  initialWindowBytes,
  maxMaxFrameBytes,
  maxWindowBytes,
  minMaxFrameBytes,
  Setting,
} from "./protocol.ts";

const settingBytes = 6;

/** The settings of the other side that bind us. */
export class PeerSettings {
  initialWindowBytes = initialWindowBytes;
  maxFrameBytes = minMaxFrameBytes;
  maxConcurrentStreams = Infinity;

  /** @throws ConnectionError */
  apply(payload: Uint8Array): void {
    if (payload.length % settingBytes !== 0) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a broken length");
    }
    for (let at = 0; at < payload.length; at += settingBytes) {
      this.#set(payload[at] << 8 | payload[at + 1], uint32(payload, at + 2));
    }
  }

  #set(id: number, value: number): void {
    switch (id) {
      case Setting.enablePush:
        if (value > 1) throw wrong("ENABLE_PUSH", value);
        return;
      case Setting.initialWindowSize:
        if (value > maxWindowBytes) {
          throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, `window of ${value} bytes`);
        }
        this.initialWindowBytes = value;
        return;
      case Setting.maxFrameSize:
        if (value < minMaxFrameBytes || value > maxMaxFrameBytes) {
          throw wrong("MAX_FRAME_SIZE", value);
        }
        this.maxFrameBytes = value;
        return;
      case Setting.maxConcurrentStreams:
        this.maxConcurrentStreams = value;
        return;
    }
  }
}

function wrong(name: string, value: number): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, `SETTINGS with ${name} ${value}`);
}

export function encodeSettings(settings: readonly (readonly [id: number, value: number])[]) {
  const payload = new Uint8Array(settings.length * settingBytes);
  const view = new DataView(payload.buffer);
  settings.forEach(([id, value], i) => {
    view.setUint16(i * settingBytes, id);
    view.setUint32(i * settingBytes + 2, value);
  });
  return payload;
}
