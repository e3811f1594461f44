/**
 * `deno task bench`: what people wait for, measured from outside with dist/denim (or, with
 * --sources, with the sources). Prints minimum, median and maximum; nothing here is a test.
 *
 *     deno task bench [--sources] [--runs N] [--docker ENDPOINT]
 *     deno task bench --only-docker ENDPOINT     chaincode in containers alone
 *     deno task bench --ledger [--blocks N]      validation and commit alone, see bench/ledger.ts
 *     deno task bench --catch-up                 a late peer takes over a channel
 *     deno task bench --gateway                  applications of fabric-gateway under Node
 *     deno task bench --endorse --peer …         any running peers, see bench/endorsements.ts
 *     deno task bench --endorser [--rounds N]    an endorsement without network, see bench/endorser.ts
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { measureDocker } from "./bench/containers.ts";
import { measureProcesses, measureService } from "./bench/launches.ts";
import { measure, type Measured, printTable } from "./bench/measure.ts";
import { Program } from "./bench/program.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const binary = join(root, "dist", "denim");
const examples = join(root, "examples");
const example = join(examples, "asset-js");

function option(name: string): string | undefined {
  const at = Deno.args.indexOf(name);
  return at < 0 ? undefined : Deno.args[at + 1];
}

if (Deno.args.includes("--ledger")) {
  const { measureLedger, printLedger } = await import("./bench/ledger.ts");
  printLedger(await measureLedger(Number(option("--blocks") ?? 40)));
  Deno.exit(0);
}

if (Deno.args.includes("--endorse")) {
  const { benchEndorsements } = await import("./bench/endorsements.ts");
  await benchEndorsements(Deno.args);
  Deno.exit(0);
}

if (Deno.args.includes("--endorser")) {
  const { benchEndorser } = await import("./bench/endorser.ts");
  await benchEndorser(Number(option("--rounds") ?? 10));
  Deno.exit(0);
}

const runs = Number(option("--runs") ?? 5);
const fromSources = Deno.args.includes("--sources") || !existsSync(binary);
const program = fromSources
  ? new Program([Deno.execPath(), "run", "-A", "--no-check", join(root, "main.ts")])
  : new Program([binary]);
if (Deno.args.includes("--catch-up")) {
  const { benchCatchUp } = await import("./bench/catch-up.ts");
  const transactions = Number(option("--transactions") ?? 16_000);
  const path = option("--peer-program");
  const other = path && { path, configuration: option("--peer-config") ?? dirname(path) };
  await benchCatchUp(program, join(examples, "asset-go"), transactions, other || undefined);
  Deno.exit(0);
}
if (Deno.args.includes("--gateway")) {
  const { benchGateway } = await import("./bench/gateway.ts");
  const load = { submits: runs * 20, submitters: 200, transactionsEach: 10 };
  await benchGateway(program, example, load);
  Deno.exit(0);
}
const results: Measured[] = [];
const onlyDocker = option("--only-docker");
if (onlyDocker !== undefined) {
  results.push(...await measureDocker(program, examples, onlyDocker, runs));
  printTable(fromSources ? "sources" : binary, results);
  Deno.exit(0);
}

await program.run(["version"], root); // unpacks and warms the file cache
results.push(await measure("denim --version", runs * 2, () => program.timed(["--version"], root)));

const network = await Deno.makeTempDir({ prefix: "denim-bench-" });
try {
  const up: number[] = [];
  const firstCommit: number[] = [];
  const memory: number[] = [];
  for (let i = 0; i < runs; i++) {
    const directory = join(network, `run${i}`);
    await Deno.mkdir(directory);
    const began = performance.now();
    up.push(
      await program.timed(["up", "--detach", "--port", "0", "--runtime", "process"], directory),
    );
    memory.push(await program.networkMemoryMegabytes(directory));
    await program.run([
      "chaincode",
      "install",
      "-l",
      "node",
      "-n",
      "asset",
      "-v",
      "1.0",
      "-p",
      example,
    ], directory);
    await program.run([
      "chaincode",
      "instantiate",
      "-C",
      "mychannel",
      "-n",
      "asset",
      "-v",
      "1.0",
      "-c",
      '{"Args":["init"]}',
    ], directory);
    await program.run([
      "chaincode",
      "invoke",
      "-C",
      "mychannel",
      "-n",
      "asset",
      "-c",
      '{"Args":["create","a","ann","1"]}',
      "--waitForEvent",
    ], directory);
    firstCommit.push(performance.now() - began);
    if (i === runs - 1) {
      const query = [
        "chaincode",
        "query",
        "-C",
        "mychannel",
        "-n",
        "asset",
        "-c",
        '{"Args":["read","a"]}',
      ];
      results.push(
        await measure("chaincode query", runs * 2, () => program.timed(query, directory)),
      );
      const invoke = (
        n: number,
      ) => [
        "chaincode",
        "invoke",
        "-C",
        "mychannel",
        "-n",
        "asset",
        "-c",
        JSON.stringify({ Args: ["create", `b${n}`, "ann", "1"] }),
        "--waitForEvent",
      ];
      let n = 0;
      results.push(
        await measure(
          "chaincode invoke --waitForEvent",
          runs * 2,
          () => program.timed(invoke(n++), directory),
        ),
      );
    }
    await program.run(["down", "--purge", "--dir", ".denim"], directory);
  }
  results.push({ name: "up --detach, from an empty directory", unit: "ms", values: up });
  results.push({ name: "resident memory of the network", unit: "MB", values: memory });
  results.push({
    name: "empty directory to first invoke committed",
    unit: "ms",
    values: firstCommit,
  });
} finally {
  await Deno.remove(network, { recursive: true });
}
results.push(...await measureProcesses(program, examples, runs));
results.push(...await measureService(program, examples, runs));
const engine = option("--docker");
if (engine !== undefined) results.push(...await measureDocker(program, examples, engine, runs));
printTable(fromSources ? "sources" : binary, results);
