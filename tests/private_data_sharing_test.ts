/** Private data between the peers of two organisations: at endorsement, and once a collection is redefined. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { repository, Workplace } from "./support/denim.ts";
import { until } from "./support/until.ts";

const chaincode = join(repository, "tests", "testdata", "chaincode", "asset-twin-js");

/** Two collections; `late` is Org1's alone at first. */
function collections(work: Workplace, file: string, holdersOfLate: string): string {
  const common = { requiredPeerCount: 0, maxPeerCount: 3, blockToLive: 0, memberOnlyRead: false };
  const path = join(work.directory, file);
  writeFileSync(
    path,
    JSON.stringify([
      {
        ...common,
        name: "both",
        policy: "OR('Org1MSP.member','Org2MSP.member')",
        requiredPeerCount: 1,
      },
      { ...common, name: "late", policy: `OR(${holdersOfLate})` },
    ]),
  );
  return path;
}

Deno.test("private data reaches the other organisation's peer", async (t) => {
  await using work = new Workplace();
  await work.up("--orgs", "2", "--runtime", "process");
  const [org1, org2] = ["Org1MSP", "Org2MSP"].map((mspId) => ({ CORE_PEER_LOCALMSPID: mspId }));
  const call = (environment: Record<string, string>, kind: string, ...args: string[]) =>
    work.run([
      ...["chaincode", kind, "-C", "mychannel", "-n", "twin"],
      ...["-c", JSON.stringify({ Args: args })],
      ...(kind === "invoke" ? ["--waitForEvent"] : []),
    ], { environment });
  const deploy = async (kind: string, version: string, definition: string) => {
    const twin = ["-n", "twin", "-v", version];
    for (const environment of [org1, org2]) {
      await work.ok(["chaincode", "install", "-l", "node", ...twin, "-p", chaincode], {
        environment,
      });
    }
    await work.ok([
      ...["chaincode", kind, "-C", "mychannel", ...twin, "-c", '{"Args":["init"]}'],
      ...["-P", "OR('Org1MSP.member','Org2MSP.member')", "--collections-config", definition],
    ], { environment: org1 });
    await until(
      `version ${version}`,
      async () =>
        (await work.ok(["chaincode", "list", "--instantiated", "-C", "mychannel"], {
          environment: org2,
        })).includes(`Version: ${version}`),
    );
  };

  await deploy("instantiate", "1", collections(work, "first.json", "'Org1MSP.member'"));
  await t.step("before the endorsement is signed, where the collection requires it", async () => {
    const put = await call(org1, "invoke", "pvtput", "both", "k", "secret");
    assert.equal(put.code, 0, put.err);
    await until(
      "the other peer has it",
      async () => (await call(org2, "query", "pvtget", "both", "k")).out === "secret\n",
    );
  });
  await t.step("not where it is none of its business", async () => {
    const put = await call(org1, "invoke", "pvtput", "late", "k", "ours");
    assert.equal(put.code, 0, put.err);
    await until(
      "the hash is committed",
      async () => (await call(org2, "query", "pvthash", "late", "k")).out.length === 65,
    );
    const get = await call(org2, "query", "pvtget", "late", "k");
    assert.equal(get.code, 1, get.out);
    assert.match(get.err, /private data matching public hash version is not available/);
  });
  await t.step("afterwards, where a new definition lets it in", async () => {
    const holders = "'Org1MSP.member','Org2MSP.member'";
    await deploy("upgrade", "2", collections(work, "second.json", holders));
    await until(
      "the other peer has got it",
      async () => (await call(org2, "query", "pvtget", "late", "k")).out === "ours\n",
    );
  });
});
