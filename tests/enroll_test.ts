/** `denim enroll` and the material of applications, as users meet them. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Workplace } from "./support/denim.ts";

Deno.test("denim enroll adds members to a network, running or not; their material outlives it", async () => {
  await using work = new Workplace();
  const missing = await work.run(["enroll", "alice"]);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /^Error: there is no development network in /);

  const started = await work.up("--orgs", "2", "--runtime", "process");
  const apps = join(work.directory, ".denim", "apps");
  assert.ok(started.includes(`for apps   ${apps}: `), started);
  const enrolled = await work.ok(["enroll", "alice", "--attr", "role=auditor"]);
  assert.match(enrolled, /^Enrolled alice of Org1MSP$/m);
  for (const path of enrolled.matchAll(/ (\/\S+)$/gm)) {
    assert.ok(statSync(path[1]), path[1]);
  }

  const refusals: [args: string[], message: RegExp][] = [
    [["alice"], /^Error: Org1MSP has a member alice already: nothing was changed\nHint: /],
    [["../alice"], /^Error: "\.\.\/alice" cannot be a person's name\nHint: /],
    [["bob", "--org", "Org3MSP"], /^Error: no organisation Org3MSP: there are Org1MSP, Org2MSP$/m],
    [["bob", "--attr", "role"], /^Error: --attr role: it has no name\nHint: /],
    [["bob", "--type", "admin"], /^Error: there is no type "admin"\nHint: /],
    [[], /enroll takes one name/],
    [["bob", "carol"], /enroll takes one name/],
  ];
  for (const [args, message] of refusals) {
    const { code, out, err } = await work.run(["enroll", ...args]);
    assert.equal(code, 1, args.join(" "));
    assert.equal(out, "");
    assert.match(err, message);
  }
  assert.deepEqual(readdirSync(join(apps, "Org1MSP", "wallet")).toSorted(), [
    "admin.id",
    "alice.id",
    "user1.id",
  ]);

  // The command line can be the new member: a reader, no administrator.
  const environment = {
    CORE_PEER_MSPCONFIGPATH: enrolled.match(/MSP +(\/\S+)$/m)?.[1] ?? assert.fail(enrolled),
  };
  assert.match(
    await work.ok(["channel", "getinfo", "-c", "mychannel"], { environment }),
    /"height":1/,
  );
  const install = await work.run(["chaincode", "list", "--installed"], { environment });
  assert.equal(install.code, 1);

  const wallet = readFileSync(join(apps, "Org1MSP", "wallet", "alice.id"), "utf8");
  await work.ok(["down"]);
  await work.ok(["enroll", "dora", "--org", "org2", "--dir", ".denim"]);
  await work.up();
  assert.equal(readFileSync(join(apps, "Org1MSP", "wallet", "alice.id"), "utf8"), wallet);
  const gateway = JSON.parse(readFileSync(join(apps, "Org2MSP", "gateway.json"), "utf8"));
  assert.deepEqual(Object.keys(gateway.identities), ["admin", "dora", "user1"]);
  assert.match(await work.ok(["env", "Org2MSP"]), /^export DENIM_APPS='.*\/apps\/Org2MSP'$/m);
});
