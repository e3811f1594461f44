/** Removing what nothing uses any more: builds, images, containers, output of launches that are over. */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ChaincodeHost } from "../chaincode/chaincode-host.ts";
import type { InstalledPackage, PackageStore } from "../chaincode/types.ts";
import { chaincodeToRun } from "../runtime/chaincode-to-run.ts";
import type { ChaincodeToRun, PrunedItem } from "../runtime/types.ts";
import type { Runtimes } from "./runtimes.ts";

export interface PruneOptions {
  readonly chaincode: Pick<ChaincodeHost, "launches">;
  readonly packages: Pick<PackageStore, "list" | "load">;
  readonly runtimes: Pick<Runtimes, "prune">;
  readonly logger: Logger;
}

/** Builds of installed packages stay, as does everything of running instances. */
export async function prune(options: PruneOptions): Promise<PrunedItem[]> {
  const { chaincode, packages, runtimes, logger } = options;
  const keep: ChaincodeToRun[] = packages.list().flatMap(({ name, version }) => {
    let installed: InstalledPackage;
    try {
      installed = packages.load(name, version);
    } catch (error) {
      logger.warn(`package ${name}:${version} cannot be read: ${messageOf(error)}`);
      return [];
    }
    return [chaincodeToRun(installed)];
  });
  const outputs = chaincode.launches.prune().map(({ launch, bytes }): PrunedItem => ({
    kind: "output",
    name: `launch ${launch.number} of ${launch.name}:${launch.version}`,
    bytes,
  }));
  return [...await runtimes.prune(keep), ...outputs];
}
