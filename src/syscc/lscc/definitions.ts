/**
 * Chaincode definitions for the rest of the peer, read from lscc's namespace.
 * Mirrors ChaincodeDefinition and ChaincodeContainerInfo in core/scc/lscc/lscc.go of Fabric 1.4.2.
 */
import { emptyBytes, equal } from "../../base/bytes.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import type { ChaincodePackage } from "../../chaincode/package/chaincode-package.ts";
import type { ChaincodeDefinition, DefinitionSource } from "../../chaincode/types.ts";
import type { QueryExecutor } from "../../ledger/types.ts";
import { type ChaincodeData, decodeChaincodeData } from "../../protocol/chaincode-data.ts";
import type { InstalledPackages } from "./dependencies.ts";
import { packageFor } from "./queries.ts";
import { lsccNamespace } from "./state.ts";

/** Definitions remembered, so that not every transaction decodes the same bytes. */
const maxRememberedDefinitions = 200;

export class LsccDefinitions implements DefinitionSource {
  /** The definition last read under a name, with its bytes; another channel's may take its place. */
  readonly #known = new Map<string, { bytes: Uint8Array; definition: ChaincodeDefinition }>();
  readonly #packages: Pick<InstalledPackages, "load">;

  constructor(packages: Pick<InstalledPackages, "load">) {
    this.#packages = packages;
  }

  /** @throws DenimError `chaincode-not-instantiated`, `bad-chaincode-data` with Fabric's text */
  chaincodeDefinition(name: string, executor: QueryExecutor): ChaincodeDefinition {
    const bytes = read(name, executor);
    const known = this.#known.get(name);
    if (known !== undefined && equal(known.bytes, bytes)) return known.definition;
    const definition = decodeDefinition(name, bytes);
    if (this.#known.size >= maxRememberedDefinitions) this.#known.clear();
    this.#known.set(name, { bytes, definition });
    return definition;
  }

  /**
   * The installed package of an instantiated chaincode; it must be the one that was instantiated.
   *
   * @throws DenimError `chaincode-not-instantiated`, `package-not-installed`, `package-mismatch`
   */
  instantiatedPackage(name: string, executor: QueryExecutor): ChaincodePackage {
    const bytes = read(name, executor);
    try {
      return packageFor(name, bytes, this.#packages);
    } catch (error) {
      throw new DenimError(
        error instanceof DenimError ? error.code : "package-not-installed",
        `could not get chaincode code: ${messageOf(error)}`,
        { name },
        error instanceof DenimError ? error.hint : undefined,
        { cause: error },
      );
    }
  }
}

function decodeDefinition(name: string, bytes: Uint8Array): ChaincodeDefinition {
  let data: ChaincodeData;
  try {
    data = decodeChaincodeData(bytes);
  } catch (error) {
    throw new DenimError(
      "bad-chaincode-data",
      `chaincode ${name} has bad definition: ${messageOf(error)}`,
      { name },
      undefined,
      { cause: error },
    );
  }
  return { ...data, instantiationPolicy: data.instantiationPolicy ?? emptyBytes };
}

function read(name: string, executor: QueryExecutor): Uint8Array {
  let bytes: Uint8Array | undefined;
  try {
    bytes = executor.getState(lsccNamespace, name);
  } catch (error) {
    throw new DenimError(
      "state-failed",
      `could not retrieve state for chaincode ${name}: ${messageOf(error)}`,
      { name },
      undefined,
      { cause: error },
    );
  }
  if (bytes === undefined) {
    throw new DenimError(
      "chaincode-not-instantiated",
      `chaincode ${name} not found`,
      { name },
      `Instantiate ${name} on this channel first.`,
    );
  }
  return bytes;
}
