/** Chaincode as a service against a whole network: fabric-shim's own server, dialled by the peer. */
import assert from "node:assert/strict";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../src/base/free-ports.ts";
import { assetExample, type Finished, Workplace } from "./support/denim.ts";
import { until } from "./support/until.ts";

/** Repeats a command until it succeeds: a service needs a moment until it listens. */
async function succeeds(what: string, run: () => Promise<Finished>): Promise<void> {
  let last: Finished | undefined;
  await until(what, async () => (last = await run()).code === 0).catch((error) => {
    throw new Error(`${error.message}\n${last?.err}`);
  });
}

Deno.test("a chaincode service named in the configuration or by its package does the main job", async () => {
  await using work = new Workplace();
  const [port] = await freePorts(1);
  const directory = join(work.directory, "service");
  cpSync(assetExample, directory, { recursive: true });
  const main = join(directory, "chaincode.js");
  const source = Deno.readTextFileSync(main);
  const serving = (name: string, at: number) =>
    source.replace(
      "Shim.start(new AssetChaincode());",
      `Shim.server(new AssetChaincode(), { ccid: "${name}", address: "127.0.0.1:${at}" }).start();`,
    );
  const start = (name: string, at: number) => {
    writeFileSync(main, serving(name, at));
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--node-modules-dir=auto", "chaincode.js"],
      cwd: directory,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  };
  const stop = async (child: Deno.ChildProcess) => {
    child.kill("SIGKILL");
    await child.status;
  };
  await work.ok(["up", "--detach", "--port", "0"], {
    environment: {
      CORE_CHAINCODE_SERVICES_ASSET_ADDRESS: `127.0.0.1:${port}`,
      CORE_CHAINCODE_RELAUNCH: "eager",
    },
  });
  const deploy = (name: string, from: string, ...more: string[]) => {
    const input = '{"Args":["init","a","ann","5"]}';
    return work.run(["chaincode", "deploy", from, "-n", name, "-c", input, ...more]);
  };
  const read = (name: string) => [
    ...["chaincode", "query", "-C", "mychannel", "-n", name],
    ...["-c", '{"Args":["read","a"]}'],
  ];

  const early = await deploy("asset", assetExample);
  assert.equal(early.code, 1);
  assert.match(
    early.err,
    new RegExp(`could not connect to the chaincode service 127.0.0.1:${port}`),
  );

  // 1.0 is installed by now; it stays the version until it could be instantiated.
  let child = start("asset:1.0", port);
  try {
    await succeeds("the service is deployed", () => deploy("asset", assetExample, "-v", "1.0"));
    assert.match(await work.ok(read("asset")), /"owner":"ann"/);
    assert.match(await work.ok(["chaincode", "ps"]), /asset.*service/);
    // A service that went away is dialled again on the next use.
    await stop(child);
    assert.equal((await work.run(read("asset"))).code, 1);
  } finally {
    await stop(child).catch(() => {});
  }
  // However often it is restarted; and with eager relaunch it is dialled unasked.
  for (let restart = 0; restart < 5; restart++) {
    child = start("asset:1.0", port);
    try {
      await until(
        "it is dialled again",
        async () => /^asset +1\.0 +running/m.test((await work.run(["chaincode", "ps"])).out),
      );
      assert.match(await work.ok(read("asset")), /"owner":"ann"/);
    } finally {
      await stop(child);
    }
  }

  // By the package: connection.json beside package.json.
  const [packagePort] = await freePorts(1);
  const withFile = join(work.directory, "with-file");
  cpSync(assetExample, withFile, { recursive: true });
  writeFileSync(join(withFile, "connection.json"), `{"address":"127.0.0.1:${packagePort}"}`);
  child = start("filed:1.0", packagePort);
  try {
    await succeeds("the other one, too", () => deploy("filed", withFile, "-v", "1.0"));
    assert.match(await work.ok(read("filed")), /"owner":"ann"/);
  } finally {
    await stop(child);
  }
});
