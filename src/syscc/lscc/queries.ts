/** What lscc tells: instantiated and installed chaincodes. Mirrors core/scc/lscc/lscc.go. */
import { create, toBinary } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../../base/errors.ts";
import type { ChaincodePackage } from "../../chaincode/package/chaincode-package.ts";
import { loadMatching } from "../../chaincode/package/package-store.ts";
import { ChaincodeInfoSchema, ChaincodeQueryResponseSchema } from "../../gen/peer/query_pb.ts";
import { type ChaincodeData, decodeChaincodeData } from "../../protocol/chaincode-data.ts";
import { refused } from "../response.ts";
import { definitionFrom } from "./deploy.ts";
import type { InstalledPackages } from "./dependencies.ts";
import { inputText } from "./input-text.ts";
import { collectionKey, isCollectionKey, type LsccState } from "./state.ts";

/** Serialized ChaincodeQueryResponse of what is instantiated on the channel. @throws DenimError */
export function instantiatedChaincodes(
  state: LsccState,
  packages: Pick<InstalledPackages, "load">,
): Uint8Array {
  const chaincodes = state.all()
    .filter(({ key }) => !isCollectionKey(key))
    .map(({ value }) => {
      const { name, version, escc, vscc } = decodeChaincodeData(value);
      return create(ChaincodeInfoSchema, {
        name,
        version,
        escc,
        vscc,
        ...describe(packages, name, version),
      });
    });
  return encode(chaincodes);
}

/** Path and input are known only where the chaincode is installed on this peer. */
function describe(packages: Pick<InstalledPackages, "load">, name: string, version: string) {
  try {
    const { path, deploymentSpec } = packages.load(name, version);
    return { path, input: inputText(deploymentSpec.chaincodeSpec?.input) };
  } catch {
    return {};
  }
}

/** Serialized ChaincodeQueryResponse of what is installed on this peer. */
export function installedChaincodes(packages: Pick<InstalledPackages, "list">): Uint8Array {
  return encode(
    packages.list().map(({ name, version, path, id }) =>
      create(ChaincodeInfoSchema, { name, version, path, id })
    ),
  );
}

function encode(chaincodes: ReturnType<typeof create<typeof ChaincodeInfoSchema>>[]): Uint8Array {
  return toBinary(
    ChaincodeQueryResponseSchema,
    create(ChaincodeQueryResponseSchema, { chaincodes }),
  );
}

/** ChaincodeData bytes as they stand in the state. @throws DenimError `chaincode-not-found` */
export function definitionBytes(state: LsccState, name: string): Uint8Array {
  let bytes: Uint8Array | undefined;
  try {
    bytes = state.get(name);
  } catch (error) {
    throw new DenimError(
      "chaincode-not-found",
      `transaction not found: ${messageOf(error)}`,
      { name },
      undefined,
      { cause: error },
    );
  }
  if (bytes === undefined) {
    throw refused("chaincode-not-found", `could not find chaincode with name '${name}'`);
  }
  return bytes;
}

/** Serialized CollectionConfigPackage. @throws DenimError `no-collections` */
export function collectionsOf(state: LsccState, name: string): Uint8Array {
  const collections = state.get(collectionKey(name));
  if (collections === undefined || collections.length === 0) {
    throw refused("no-collections", `collections config not defined for chaincode ${name}`);
  }
  return collections;
}

/**
 * The installed package that belongs to a definition: right name, version and digests.
 *
 * @throws DenimError `package-not-installed`, `package-mismatch` with the texts of getCCCode
 */
export function packageFor(
  name: string,
  definition: Uint8Array,
  packages: Pick<InstalledPackages, "load">,
): ChaincodePackage {
  const data: ChaincodeData = definitionFrom(name, definition);
  try {
    return loadMatching(packages, data);
  } catch (error) {
    const mismatch = error instanceof DenimError && error.code === "package-mismatch";
    throw new DenimError(
      mismatch ? "package-mismatch" : "package-not-installed",
      mismatch
        ? `chaincode fingerprint mismatch: ${messageOf(error)}`
        : `invalid deployment spec: ${messageOf(error)}`,
      { name, version: data.version },
      error instanceof DenimError ? error.hint : undefined,
      { cause: error },
    );
  }
}
