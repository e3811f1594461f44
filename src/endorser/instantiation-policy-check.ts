/**
 * Does the instantiation policy on the ledger equal that of the package on this peer? A definition
 * that other peers let through with another policy is not endorsed here.
 * Mirrors CheckInstantiationPolicy in core/common/ccprovider/ccprovider.go of Fabric 1.4.2.
 */
import { equal } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { ChaincodeDefinition, InstalledPackage } from "../chaincode/types.ts";

export class InstantiationPolicyCheck {
  readonly #load: (name: string, version: string) => InstalledPackage;
  /** Packages never change once installed. Bounded by the number of installed packages. */
  readonly #known = new Map<string, Uint8Array | undefined>();

  constructor(load: (name: string, version: string) => InstalledPackage) {
    this.#load = load;
  }

  /** @throws DenimError `package-not-installed`, `instantiation-policy-mismatch` */
  check(definition: ChaincodeDefinition): void {
    const { name, version } = definition;
    const policy = this.#policyOf(name, version);
    if (policy === undefined || equal(policy, definition.instantiationPolicy)) return;
    throw new DenimError(
      "instantiation-policy-mismatch",
      `Instantiation policy mismatch for cc ${name}/${version}`,
      { name, version },
      "Install the package that was instantiated on this channel.",
    );
  }

  #policyOf(name: string, version: string): Uint8Array | undefined {
    const key = `${name}/${version}`;
    if (this.#known.has(key)) return this.#known.get(key);
    let policy: Uint8Array | undefined;
    try {
      policy = this.#load(name, version).instantiationPolicy;
    } catch (error) {
      throw new DenimError(
        "package-not-installed",
        `cannot retrieve package for chaincode ${key}, error ${messageOf(error)}`,
        { name, version },
        `Install chaincode ${name} version ${version} on this peer.`,
        { cause: error },
      );
    }
    this.#known.set(key, policy);
    return policy;
  }
}
