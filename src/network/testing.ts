/** A development network's directory with keys and nothing that runs, for tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { makeKeys } from "./keys-and-genesis.ts";
import { layoutOf, type NetworkLayout } from "./layout.ts";

export async function withKeys(
  organizations: number,
  use: (layout: NetworkLayout) => Promise<void> | void,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "denim-network-"));
  try {
    const layout = layoutOf(directory, {
      format: 1,
      channelId: "mychannel",
      ordererPort: 7050,
      organizations: Array.from({ length: organizations }, (_, i) => ({
        peer: 7051 + i * 1000,
        chaincode: 7052 + i * 1000,
      })),
    });
    makeKeys(layout, systemClock);
    await use(layout);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
