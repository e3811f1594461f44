/**
 * What is inside a code package: which files each platform allows, and the state database files it
 * brings. Mirrors core/chaincode/platforms/{golang,node,java,car}/platform.go and
 * core/common/ccprovider/cc_statedb_artifacts_provider.go of Fabric 1.4.2.
 */
import { DenimError, messageOf } from "../../base/errors.ts";
import { type ChaincodeDeploymentSpec, ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { validateMetadataFile } from "./metadata-file.ts";
import { gunzip, tarEntries, type TarEntry } from "./tar-entries.ts";

/** A file of META-INF/statedb. */
export interface StateDatabaseFile {
  /** Path inside the package, `META-INF/statedb/couchdb/indexes/x.json`. */
  readonly name: string;
  readonly content: Uint8Array;
}

const stateDatabaseDirectory = "META-INF/statedb/";

/** Bits that a mode may have: a regular file that all may read and write. */
const allowedMode = 0o100666;

const sourceFiles = /^(\/)?(src|META-INF)\//;
const javaFiles = /^(\/)?src\/((src|META-INF)\/|(build\.gradle|settings\.gradle|pom\.xml))/;

/** The platform's name as Fabric prints it (`GOLANG`). */
export function platformName(type: ChaincodeSpec_Type): string {
  return ChaincodeSpec_Type[type] ?? String(type);
}

/**
 * The check of a deployment specification that carries code; without code there is nothing to check.
 *
 * @throws DenimError `bad-code-package`, `unknown-chaincode-type` with Fabric's text
 */
export function validateCodePackage(type: ChaincodeSpec_Type, codePackage: Uint8Array): void {
  checkType(type, `Unknown chaincodeType: ${platformName(type)}`);
  if (codePackage.length === 0 || type === ChaincodeSpec_Type.CAR) return;
  const tar = openGzip(codePackage);
  const seen = new Set<string>();
  for (const entry of readable(tar, type)) {
    seen.add(entry.name);
    if (!isAllowed(type, entry.name)) {
      throw bad(`illegal file detected in payload: "${entry.name}"`, entry.name);
    }
    if ((entry.mode & ~allowedMode) !== 0) {
      const mode = entry.mode.toString(8);
      throw bad(`illegal file mode detected for file ${entry.name}: ${mode}`, entry.name);
    }
  }
  if (type === ChaincodeSpec_Type.NODE && !seen.has("src/package.json")) {
    throw bad("no package.json found at the root of the chaincode package", "src/package.json");
  }
}

function openGzip(codePackage: Uint8Array): Uint8Array {
  try {
    return gunzip(codePackage);
  } catch (error) {
    throw bad(`failure opening codepackage gzip stream: ${messageOf(error)}`);
  }
}

/** Fabric stops reading at the first damaged entry, and only for Java calls that an error. */
function* readable(tar: Uint8Array, type: ChaincodeSpec_Type): Generator<TarEntry> {
  try {
    yield* tarEntries(tar);
  } catch (error) {
    if (type === ChaincodeSpec_Type.JAVA) throw error;
  }
}

function isAllowed(type: ChaincodeSpec_Type, name: string): boolean {
  if (type !== ChaincodeSpec_Type.JAVA) return sourceFiles.test(name);
  return javaFiles.test(name) && !name.endsWith(".class");
}

/**
 * The state database files of a package, each of them checked.
 *
 * @throws DenimError `bad-code-package` (`invalid deployment spec`, gzip and tar errors),
 *   `bad-state-database-file` (`invalid state database artifact: …`)
 */
export function stateDatabaseFiles(spec: ChaincodeDeploymentSpec): StateDatabaseFile[] {
  const type = spec.chaincodeSpec?.type ?? ChaincodeSpec_Type.UNDEFINED;
  checkType(type, "invalid deployment spec");
  if (type === ChaincodeSpec_Type.CAR) return [];
  if (spec.codePackage.length === 0) throw bad("nil code package");
  const files: StateDatabaseFile[] = [];
  for (const { name, content } of tarEntries(gunzip(spec.codePackage))) {
    if (!name.startsWith(stateDatabaseDirectory)) continue;
    try {
      validateMetadataFile(name, content);
    } catch (error) {
      throw new DenimError(
        "bad-state-database-file",
        `invalid state database artifact: ${messageOf(error)}`,
        { name },
      );
    }
    files.push({ name, content });
  }
  return files;
}

function checkType(type: ChaincodeSpec_Type, message: string): void {
  const known = type === ChaincodeSpec_Type.GOLANG || type === ChaincodeSpec_Type.NODE ||
    type === ChaincodeSpec_Type.JAVA || type === ChaincodeSpec_Type.CAR;
  if (!known) {
    throw new DenimError(
      "unknown-chaincode-type",
      message,
      { type: platformName(type) },
      "Chaincode must be of type golang, node, java or car.",
    );
  }
}

function bad(message: string, file?: string): DenimError {
  return new DenimError("bad-code-package", message, { file });
}
