/** The set of system chaincodes of a peer. Mirrors core/scc/sccproviderimpl.go of Fabric 1.4.2. */
import type { SystemChaincode } from "./types.ts";

/** Names that were system chaincodes once: nobody may use or invoke them. */
const retiredNames: ReadonlySet<string> = new Set(["escc", "vscc"]);

export class SystemChaincodes {
  readonly #byName: ReadonlyMap<string, SystemChaincode>;

  constructor(chaincodes: readonly SystemChaincode[]) {
    this.#byName = new Map(chaincodes.map((chaincode) => [chaincode.name, chaincode]));
  }

  get(name: string): SystemChaincode | undefined {
    return this.#byName.get(name);
  }

  isSystemChaincode(name: string): boolean {
    return this.#byName.has(name) || retiredNames.has(name);
  }

  /** A system chaincode that no proposal may name. */
  isClosedToProposals(name: string): boolean {
    return this.#byName.get(name)?.invokableExternally === false || retiredNames.has(name);
  }

  /** A system chaincode that no chaincode may call. */
  isClosedToChaincodes(name: string): boolean {
    return this.#byName.get(name)?.invokableByChaincode === false || retiredNames.has(name);
  }
}

/** The names a peer without plugins serves or keeps reserved; user chaincode may not take them. */
export const systemChaincodeNames: ReadonlySet<string> = new Set([
  "lscc",
  "cscc",
  "qscc",
  ...retiredNames,
]);
