/**
 * Applications with the SDKs fabric-network 2.2 and 1.4 (and fabric-client 1.4), as they come from
 * npm, under Node, against a development network of two organisations and a chaincode written with
 * fabric-contract-api. They use what `denim up` and `denim enroll` wrote for them.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { repository, Workplace } from "./support/denim.ts";
import { nodeModules } from "./support/node-packages.ts";
import { runNodeScenarios } from "./support/node-scenarios.ts";

const sdk = join(repository, "tests", "sdk");
const chaincode = join(sdk, "market");

/** Both organisations have the chaincode, its transactions need both; alice has attributes. */
async function startMarket(work: Workplace): Promise<void> {
  await work.up("--orgs", "2", "--runtime", "process");
  const market = ["-n", "market", "-v", "1.0"];
  for (const CORE_PEER_LOCALMSPID of ["Org1MSP", "Org2MSP"]) {
    await work.ok(["chaincode", "install", "-l", "node", ...market, "-p", chaincode], {
      environment: { CORE_PEER_LOCALMSPID },
    });
  }
  const instantiate = ["chaincode", "instantiate", "-C", "mychannel", ...market];
  const policy = ["-P", "AND('Org1MSP.member','Org2MSP.member')"];
  const collections = ["--collections-config", join(chaincode, "collections.json")];
  await work.ok([...instantiate, "-c", '{"Args":["init"]}', ...policy, ...collections]);
  await work.ok(["enroll", "alice", "--attr", "role=auditor", "--affiliation", "sales"]);
}

Deno.test("applications of fabric-network 2.2 and 1.4 work unmodified", async (t) => {
  // At the same time: most of it is waiting for the registry and for builds.
  const installing = Promise.all([
    nodeModules({ dependencies: { "fabric-network": "2.2.20" } }),
    nodeModules({
      dependencies: { "fabric-network": "1.4.20" },
      standIns: { grpc: join(repository, "examples", "fabric-network-1.4", "grpc") },
    }),
  ]);
  installing.catch(() => {}); // it is awaited below
  await using work = new Workplace();
  await startMarket(work);
  const [modules2, modules1] = await installing;
  const context = { apps: join(work.directory, ".denim", "apps"), chaincode };
  for (
    const [name, script, modules, ...args] of [
      ["fabric-network 2.2.20", "fabric-network-2.cjs", modules2],
      ["fabric-network 2.2.20 with discovery", "fabric-network-2.cjs", modules2, "discovery"],
      ["fabric-network 1.4.20", "fabric-network-1.cjs", modules1],
      ["fabric-network 1.4.20 with discovery", "fabric-network-1.cjs", modules1, "discovery"],
    ]
  ) {
    await t.step(name, async (step) => {
      const workingDirectory = join(work.directory, name.replaceAll(" ", "-"));
      mkdirSync(workingDirectory);
      await runNodeScenarios(step, { script, args, modules, context, workingDirectory });
    });
  }
});
