/**
 * What validation demands of the code inside a deployment spec, by platform. In practice clients
 * leave the code out of deploy and upgrade, and then there is nothing to check.
 * Mirrors ValidateCodePackage of core/chaincode/platforms/{golang,node,java,car}.
 */
import { constants, gunzipSync } from "node:zlib";
import {
  type ChaincodeDeploymentSpec,
  ChaincodeDeploymentSpecSchema,
  ChaincodeSpec_Type,
} from "../gen/peer/chaincode_pb.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { DenimError } from "../base/errors.ts";
import { listTarHeaders } from "./tar-headers.ts";

/** Unpacked size we look through; a block cannot honestly hold more code than this. */
const maxUnpackedBytes = 1 << 30;

const sourceOrMetadata = /^(\/)?(src|META-INF)\/.*/;
const javaSource = /^(\/)?src\/((src|META-INF)\/.*|(build\.gradle|settings\.gradle|pom\.xml))/;
const javaClass = /.*\.class$/;
const allowedModeBits = 0o100666;

interface PlatformRules {
  readonly accepts: (name: string) => boolean;
  readonly requires?: { readonly name: string; readonly otherwise: string };
  /** Java insists on an archive without damage; the others stop looking there. */
  readonly refusesDamage: boolean;
}

const platforms: ReadonlyMap<ChaincodeSpec_Type, PlatformRules | undefined> = new Map([
  [
    ChaincodeSpec_Type.GOLANG,
    { accepts: (name: string) => sourceOrMetadata.test(name), refusesDamage: false },
  ],
  [ChaincodeSpec_Type.NODE, {
    accepts: (name: string) => sourceOrMetadata.test(name),
    requires: {
      name: "src/package.json",
      otherwise: "no package.json found at the root of the chaincode package",
    },
    refusesDamage: false,
  }],
  [ChaincodeSpec_Type.JAVA, {
    accepts: (name: string) => javaSource.test(name) && !javaClass.test(name),
    refusesDamage: true,
  }],
  [ChaincodeSpec_Type.CAR, undefined],
]);

const allPlatforms: readonly ChaincodeSpec_Type[] = [...platforms.keys()];

/**
 * Decodes a ChaincodeDeploymentSpec and checks its code package as the named platforms demand.
 * @throws DenimError `bad-protobuf`, `unknown-chaincode-type`, `bad-code-package`
 */
export function decodeDeploymentSpec(
  bytes: Uint8Array,
  known: readonly ChaincodeSpec_Type[] = allPlatforms,
): ChaincodeDeploymentSpec {
  const spec = decodeAsGo(ChaincodeDeploymentSpecSchema, bytes);
  const type = spec.chaincodeSpec?.type;
  if (type === undefined || !known.includes(type)) {
    const name = type === undefined ? "" : ChaincodeSpec_Type[type] ?? String(type);
    throw new DenimError("unknown-chaincode-type", `Unknown chaincodeType: ${name}`, { name });
  }
  checkCodePackage(spec.codePackage, platforms.get(type));
  return spec;
}

function checkCodePackage(code: Uint8Array, rules: PlatformRules | undefined): void {
  if (code.length === 0 || rules === undefined) return;
  const refuse = (message: string): never => {
    throw new DenimError("bad-code-package", message, { bytes: code.length });
  };
  if (code.length < 10 || code[0] !== 0x1f || code[1] !== 0x8b || code[2] !== 8) {
    return refuse("failure opening codepackage gzip stream: gzip: invalid header");
  }
  const archive = unpack(code);
  const listing = listTarHeaders(archive ?? new Uint8Array(0));
  for (const { name, mode } of listing.headers) {
    if (!rules.accepts(name)) return refuse(`illegal file detected in payload: "${name}"`);
    // Modes may exceed 32 bits, so the forbidden bits are looked for in halves.
    const high = Math.floor(mode / 2 ** 31);
    if (high !== 0 || ((mode % 2 ** 31) & ~allowedModeBits) !== 0) {
      return refuse(`illegal file mode detected for file ${name}: ${mode.toString(8)}`);
    }
  }
  if (rules.refusesDamage && (archive === undefined || !listing.complete)) {
    return refuse("unexpected EOF");
  }
  if (rules.requires && !listing.headers.some(({ name }) => name === rules.requires?.name)) {
    return refuse(rules.requires.otherwise);
  }
}

/** The archive as far as it unpacks, or undefined where the compression itself is damaged. */
function unpack(code: Uint8Array): Uint8Array | undefined {
  try {
    return gunzipSync(code, {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: maxUnpackedBytes,
    });
  } catch {
    return undefined;
  }
}
