/** `chaincode deploy DIR`: package, install, instantiate or upgrade in one step. Denim's own. */
import { equal } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import { parsePackage } from "../../chaincode/package/chaincode-package.ts";
import {
  deployAndCommit,
  installPackage,
  type Submitter,
} from "../../client/chaincode-lifecycle.ts";
import { parseChaincodeInput } from "../../client/chaincode-input.ts";
import {
  firstVersion,
  installedChaincodes,
  instantiatedChaincodes,
  nextVersion,
} from "../../client/installed-chaincode.ts";
import type { Deployment } from "../../client/lifecycle.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import type { ChaincodeInfo } from "../../gen/peer/query_pb.ts";
import type { CommandHandler, Invocation } from "../command.ts";
import { UsageError } from "../flags.ts";
import { collectionsOf, policyBytes } from "./deploy.ts";
import { packageSources } from "./source-package.ts";
import { type SourceDirectory, sourceDirectory } from "./source-directory.ts";
import { type Trace, traceOf } from "./trace.ts";
import { openWorkbench, StepPrinter, type Workbench } from "./workbench.ts";

/** What a chaincode is initialised with where nothing is said: nothing. */
export const defaultInput = '{"Args":[]}';

export const deployDirectory: CommandHandler = async (untraced) => {
  const trace = traceOf(untraced);
  try {
    await traced(trace);
  } finally {
    await trace.close();
  }
};

async function traced(trace: Trace): Promise<void> {
  const { invocation } = trace;
  const { args, flags, terminal } = invocation;
  if (args.length > 1) throw new UsageError("usage", "'chaincode deploy' takes one directory");
  const source = sourceDirectory(args[0] ?? ".", terminal.workingDirectory);
  const name = flags.string("name") || source.name;
  const bench = await openWorkbench(invocation);
  try {
    const steps = new StepPrinter((line) => terminal.out(line));
    const deployed = await instantiatedVersion(bench, name);
    const installed = await installedEverywhere(bench, name);
    if (deployed !== undefined && !flags.has("version") && !changesDefinition(invocation)) {
      const same = await packaged(bench, source, name, deployed);
      if (installed.every((known) => isInstalled(known, deployed, same.id))) {
        terminal.out(`${name} ${deployed} on ${bench.channelId} is what ${source.path} holds.\n`);
        return;
      }
    }
    const version = flags.string("version") || newVersion(deployed, installed);
    if (version === deployed) throw sameVersion(name, version);
    const made = await steps.step(
      ({ bytes }) =>
        `packaged ${name} ${version} (${language(source)}, ${Math.ceil(bytes.length / 1024)} kB)`,
      packaged(bench, source, name, version),
    );
    for (const [i, member] of bench.members.entries()) {
      if (isInstalled(installed[i], version, made.id)) continue;
      await steps.step(
        `installed on ${member.peers[0].address}`,
        installPackage(member, made.bytes),
      );
    }
    const { channelId, members: [deployer] } = bench;
    const deployment = await deploymentOf(invocation, source, name, version, channelId);
    const [kind, done] = deployed === undefined
      ? ["deploy", `instantiated ${name} ${version} on ${channelId}`] as const
      : ["upgrade", `upgraded ${name} ${deployed} to ${version} on ${channelId}`] as const;
    await steps.step(
      done,
      trace.step(kind, () =>
        deployAndCommit(deployer, kind, deployment, {
          beforeSending: (txId) => trace.watch(deployer, deployer.peers, name, txId),
        })),
    );
  } finally {
    bench.close();
  }
}

/** The version that is instantiated on the channel. */
export async function instantiatedVersion(
  { members, channelId }: Workbench,
  name: string,
): Promise<string | undefined> {
  const all = await instantiatedChaincodes(members[0], channelId);
  return all.find((info) => info.name === name)?.version;
}

/** What of this name is installed, for each peer. */
export async function installedEverywhere(
  { members }: Workbench,
  name: string,
): Promise<ChaincodeInfo[][]> {
  return await Promise.all(members.map(async (member: Submitter) => {
    const all = await installedChaincodes(member);
    return all.filter((info) => info.name === name);
  }));
}

/** A version that is neither instantiated nor installed anywhere. */
export function newVersion(
  deployed: string | undefined,
  installed: readonly (readonly ChaincodeInfo[])[],
): string {
  const taken = installed.flat().map(({ version }) => version);
  if (deployed !== undefined) return nextVersion(deployed, taken);
  return taken.includes(firstVersion) ? nextVersion(firstVersion, taken) : firstVersion;
}

/** @throws DenimError naming what is wrong with the sources */
export async function packaged(
  { session }: Workbench,
  source: SourceDirectory,
  name: string,
  version: string,
): Promise<{ bytes: Uint8Array; id: Uint8Array }> {
  const call = { name, version, path: source.path, type: source.type, args: [] };
  const bytes = await packageSources(call, session.logger);
  return { bytes, id: parsePackage(bytes).id };
}

/** Is this very package installed under the version? */
export function isInstalled(
  known: readonly ChaincodeInfo[],
  version: string,
  id: Uint8Array,
): boolean {
  return known.some((info) => info.version === version && equal(info.id, id));
}

/** What lscc is told about it. @throws DenimError for a bad policy, arguments or collections file */
export async function deploymentOf(
  { flags }: Invocation,
  source: SourceDirectory,
  name: string,
  version: string,
  channelId: string,
): Promise<Deployment> {
  const collections = flags.string("collections-config");
  const args = parseChaincodeInput(flags.string("ctor"), true);
  return {
    channelId,
    call: { name, version, path: "", type: source.type, args },
    policy: policyBytes(flags.string("policy")),
    escc: "escc",
    vscc: "vscc",
    collections: collections === "" ? undefined : await collectionsOf(collections),
  };
}

/** Flags that make a new definition, whatever the sources are. */
function changesDefinition({ flags }: Invocation): boolean {
  return ["ctor", "policy", "collections-config"].some((name) => flags.has(name));
}

function language({ type }: SourceDirectory): string {
  return ChaincodeSpec_Type[type].toLowerCase();
}

function sameVersion(name: string, version: string): DenimError {
  return new DenimError(
    "same-version",
    `${name} ${version} is instantiated already`,
    { name, version },
    "leave -v out, and the version is increased",
  );
}
