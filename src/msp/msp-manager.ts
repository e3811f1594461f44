/** The MSPs of one channel. Mirrors msp/mspmgrimpl.go. */
import { mspError } from "./msp-error.ts";
import { decodeSerializedIdentity } from "./serialized-identity.ts";
import type { Identity, Msp, MspManager } from "./types.ts";

class Manager implements MspManager {
  readonly #msps: ReadonlyMap<string, Msp>;

  constructor(msps: readonly Msp[]) {
    this.#msps = new Map(msps.map((msp) => [msp.mspId, msp]));
  }

  deserializeIdentity(serialized: Uint8Array): Identity {
    const { mspid } = decodeSerializedIdentity(serialized);
    const msp = this.#msps.get(mspid);
    if (!msp) throw mspError("unknown-msp", `MSP ${mspid} is unknown`, { mspId: mspid });
    return msp.deserializeIdentity(serialized);
  }

  msp(mspId: string): Msp | undefined {
    return this.#msps.get(mspId);
  }

  mspIds(): string[] {
    return [...this.#msps.keys()];
  }
}

/** A manager over MSPs that were set up already; of two with one id the last counts. */
export function createMspManager(msps: readonly Msp[]): MspManager {
  return new Manager(msps);
}
