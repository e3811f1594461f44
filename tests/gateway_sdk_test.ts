/** `@hyperledger/fabric-gateway` from npm, unmodified, under Node, against a development network. */
import { join } from "node:path";
import { repository, Workplace } from "./support/denim.ts";
import { gatewaySdk } from "./support/gateway-sdk.ts";
import { nodeModules } from "./support/node-packages.ts";
import { runNodeScenarios } from "./support/node-scenarios.ts";

const chaincode = join(repository, "tests", "sdk", "gateway-chaincode");

/** The same chaincode under two names and policies, at the peers of both organisations. */
async function deploy(work: Workplace): Promise<void> {
  const policies = {
    strict: "AND('Org1MSP.member','Org2MSP.member')",
    lenient: "OR('Org1MSP.member','Org2MSP.member')",
  };
  for (const [name, policy] of Object.entries(policies)) {
    for (const { mspId } of work.network().organizations) {
      await work.ok(
        [
          "chaincode",
          "install",
          "-l",
          "node",
          "-n",
          name,
          "-v",
          "1.0",
          "-p",
          chaincode,
        ],
        { environment: { CORE_PEER_LOCALMSPID: mspId } },
      );
    }
    await work.ok([
      ...[
        "chaincode",
        "instantiate",
        "-C",
        "mychannel",
        "-n",
        name,
        "-v",
        "1.0",
      ],
      ...["-c", '{"Args":["init"]}', "-P", policy],
      ...["--collections-config", join(chaincode, "collections.json")],
    ]);
  }
}

/** The ports that chaincode of each organisation dials. */
function chaincodePorts(work: Workplace): Record<string, number> {
  const settings = JSON.parse(
    Deno.readTextFileSync(join(work.directory, ".denim", "settings.json")),
  ) as { organizations: { chaincode: number }[] };
  return Object.fromEntries(
    settings.organizations.map((
      ports,
      i,
    ) => [`Org${i + 1}MSP`, ports.chaincode]),
  );
}

Deno.test("fabric-gateway applications work unmodified", async (t) => {
  await using work = new Workplace();
  const modules = await nodeModules(gatewaySdk);
  await work.up("--orgs", "2", "--runtime", "process");
  await deploy(work);
  await runNodeScenarios(t, {
    script: "fabric-gateway.cjs",
    modules,
    context: {
      apps: join(work.directory, ".denim", "apps"),
      chaincodePorts: chaincodePorts(work),
    },
    workingDirectory: work.directory,
  });
});
