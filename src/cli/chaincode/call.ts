/** The chaincode that flags describe. Mirrors getChaincodeSpec of peer/chaincode/common.go. */
import { DenimError } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { systemErrorReason } from "../../base/system-error.ts";
import { parseChaincodeInput } from "../../client/chaincode-input.ts";
import type { ChaincodeCall } from "../../client/lifecycle.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import type { Invocation } from "../command.ts";
import type { FlagValues } from "../flags.ts";
import { UsageError } from "../flags.ts";

const languages: Readonly<Record<string, ChaincodeSpec_Type>> = {
  GOLANG: ChaincodeSpec_Type.GOLANG,
  NODE: ChaincodeSpec_Type.NODE,
  JAVA: ChaincodeSpec_Type.JAVA,
  CAR: ChaincodeSpec_Type.CAR,
};

function languageOf(flags: FlagValues): ChaincodeSpec_Type {
  const language = languages[flags.string("lang").toUpperCase()];
  if (language === undefined) {
    throw new UsageError(
      "invalid-flag-value",
      `unknown chaincode language ${JSON.stringify(flags.string("lang"))}`,
      {},
      "use one of golang, node, java, car",
    );
  }
  return language;
}

/** @throws UsageError, DenimError `malformed-arguments` */
export function chaincodeCall(
  { flags }: Invocation,
  needs: { readonly version?: string; readonly emptyArguments?: boolean } = {},
): ChaincodeCall {
  if (flags.string("name") === "") {
    throw new UsageError("usage", "must supply value for chaincode name parameter");
  }
  const declared = (name: string) => flags.declares(name) ? flags.string(name) : "";
  if (needs.version !== undefined && declared("version") === "") {
    throw new UsageError("usage", `chaincode version is not provided for ${needs.version}`);
  }
  return {
    name: flags.string("name"),
    version: declared("version"),
    path: declared("path"),
    type: flags.declares("lang") ? languageOf(flags) : ChaincodeSpec_Type.GOLANG,
    args: parseChaincodeInput(flags.string("ctor"), needs.emptyArguments ?? false),
  };
}

/** Logs which system chaincodes endorse and validate, as Fabric does for what has a version. */
export function tellPlugins(flags: FlagValues, logger: Logger): void {
  for (const plugin of ["escc", "vscc"]) {
    const given = flags.declares(plugin) ? flags.string(plugin) : "";
    logger.info(given ? `Using ${plugin} ${given}` : `Using default ${plugin}`);
  }
}

/** The channel of `-C`. @throws UsageError */
export function channelOf({ flags }: Invocation): string {
  const channelId = flags.string("channelID");
  if (channelId === "") {
    throw new UsageError(
      "usage",
      "The required parameter 'channelID' is empty. Rerun the command with -C flag",
    );
  }
  return channelId;
}

/** Reads a file that a flag names. @throws DenimError `unreadable-file` */
export async function readNamedFile(path: string, what: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw new DenimError(
      "unreadable-file",
      `could not read ${what} '${path}': ${systemErrorReason(error)}`,
      { path },
      "check the path; relative paths start at the working directory",
    );
  }
}
