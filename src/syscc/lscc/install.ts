/** lscc install. Mirrors executeInstall in core/scc/lscc/lscc.go of Fabric 1.4.2. */
import { DenimError, messageOf } from "../../base/errors.ts";
import { parsePackage } from "../../chaincode/package/chaincode-package.ts";
import { stateDatabaseFiles } from "../../chaincode/package/code-package.ts";
import { refused } from "../response.ts";
import type { LsccDependencies } from "./dependencies.ts";
import { checkedIdentity } from "./names.ts";

/**
 * Checks a package and puts it on disk.
 *
 * @throws DenimError with Fabric's text: malformed package, bad name or version, name of a system
 *   chaincode, bad index definitions, installed already
 */
export function install(packageBytes: Uint8Array, dependencies: LsccDependencies): void {
  const parsed = parsePackage(packageBytes);
  const { name, version } = checkedIdentity(parsed.deploymentSpec);
  if (dependencies.isSystemChaincode(name)) {
    throw refused(
      "system-chaincode-name",
      `cannot install: ${name} is the name of a system chaincode`,
    );
  }
  const files = stateDatabaseFiles(parsed.deploymentSpec);
  try {
    dependencies.packages.install(name, version, packageBytes);
  } catch (error) {
    throw new DenimError(
      error instanceof DenimError ? error.code : "install-failed",
      `error installing chaincode code ${name}:${version}(${messageOf(error)})`,
      { name, version },
      error instanceof DenimError ? error.hint : undefined,
      { cause: error },
    );
  }
  dependencies.onInstalled?.(parsed, files);
}
