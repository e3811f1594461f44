/** `chaincode install`. Mirrors peer/chaincode/install.go. */
import { DenimError } from "../../base/errors.ts";
import { parsePackage } from "../../chaincode/package/chaincode-package.ts";
import { query } from "../../client/endorse.ts";
import { installInvocation } from "../../client/lifecycle.ts";
import type { CommandHandler, Invocation } from "../command.ts";
import { UsageError } from "../flags.ts";
import { type CommandSession, openSession, peersOf } from "../session.ts";
import { chaincodeCall, readNamedFile, tellPlugins } from "./call.ts";
import { during } from "./failures.ts";
import { packageSources } from "./source-package.ts";

export const install: CommandHandler = async (invocation) => {
  const { args, flags, terminal } = invocation;
  const packageFile = args[0];
  if (packageFile === undefined) {
    if (["path", "version", "name"].some((name) => flags.string(name) === "")) {
      throw new UsageError(
        "usage",
        "Must supply value for chaincode name, path and version parameters.",
      );
    }
  }
  const session = await openSession(invocation, "chaincodeCmd");
  try {
    const packageBytes = packageFile === undefined
      ? await packagedSources(invocation, session)
      : await packageFromFile(invocation, packageFile);
    const peers = await peersOf(invocation, session);
    await during(
      "Error endorsing chaincode",
      query(
        { signer: session.client.signer, clock: session.client.clock, peers },
        "",
        installInvocation(packageBytes),
        { signal: terminal.interrupted },
      ),
    );
    session.logger.info('Installed remotely response:<status:200 payload:"OK" >');
  } finally {
    session.close();
  }
};

async function packagedSources(invocation: Invocation, session: CommandSession) {
  const call = chaincodeCall(invocation, { version: "install", emptyArguments: true });
  tellPlugins(invocation.flags, session.logger);
  return await packageSources(call, session.logger);
}

async function packageFromFile({ flags }: Invocation, file: string): Promise<Uint8Array> {
  const bytes = await readNamedFile(file, "chaincode package");
  const { name, version } = await during(
    `error reading chaincode package '${file}'`,
    Promise.resolve().then(() => parsePackage(bytes)),
  );
  for (
    const [what, given, packaged] of [
      ["name", flags.string("name"), name],
      ["version", flags.string("version"), version],
    ]
  ) {
    if (given !== "" && given !== packaged) {
      throw new DenimError(
        "package-mismatch",
        `chaincode ${what} ${given} does not match ${what} ${packaged} in package`,
        { given, packaged },
        "leave the flag out: the package knows its own name and version",
      );
    }
  }
  return bytes;
}
