/** Chaincode that the user starts: one chaincode among managed ones over TLS, or all of a peer's. */
import assert from "node:assert/strict";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../src/base/free-ports.ts";
import { assetExample, type Finished, Workplace } from "./support/denim.ts";
import { until } from "./support/until.ts";

const input = '{"Args":["init","a","ann","5"]}';
const query = (name: string) => [
  ...["chaincode", "query", "-C", "mychannel", "-n", name],
  ...["-c", '{"Args":["read","a"]}'],
];

/** The chaincode as its developer starts it: in a shell, with what the peer's log says. */
class OwnChaincode implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly finished: Promise<Finished>;

  constructor(directory: string, preparation: string, address: string) {
    const shell = `${preparation}\nexec "$0" run -A --quiet --node-modules-dir=auto chaincode.js ` +
      `--peer.address "$1"`;
    this.#child = new Deno.Command("sh", {
      args: ["-c", shell, Deno.execPath(), address],
      cwd: directory,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.finished = this.#child.output().then(({ code, stdout, stderr }) => {
      const decoder = new TextDecoder();
      return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
    });
  }

  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

Deno.test("one chaincode is the user's own, over TLS, while the others are managed", async () => {
  await using work = new Workplace();
  await work.ok(["up", "--detach", "--port", "0", "--runtime", "process"], {
    environment: { CORE_CHAINCODE_RUNTIMES_MINE: "external" },
  });
  const directory = join(work.directory, "mine");
  cpSync(assetExample, directory, { recursive: true });
  const log = () => Deno.readTextFileSync(join(work.directory, ".denim", "denim.log"));
  /** What the n-th wait for a chaincode tells: the environment file, and where to dial. */
  const told = (times: number) =>
    until(`${times} invitations of the user's chaincode`, () => {
      const all = [
        ...log().matchAll(
          /waiting for chaincode mine:1\.0 to register: start it with the environment in (\S+) and peer address (\S+)/g,
        ),
      ];
      return all.length < times ? undefined : all.at(-1)?.slice(1);
    });

  await work.ok(["chaincode", "deploy", assetExample, "-n", "managed", "-c", input]);
  const deploying = work.run(["chaincode", "deploy", directory, "-n", "mine", "-c", input]);
  const [environment, address] = await told(1);
  {
    // Its certificate is good for no other name.
    await using impostor = new OwnChaincode(
      directory,
      `. '${environment}'\nexport CORE_CHAINCODE_ID_NAME=managed:1.0`,
      address,
    );
    await until(
      "the refusal",
      () => /with given certificate hash .* belongs to a different chaincode/.test(log()),
    );
    await impostor.kill();
  }
  {
    await using own = new OwnChaincode(directory, `. '${environment}'`, address);
    const deployed = await deploying;
    assert.equal(deployed.code, 0, deployed.err);
    assert.match(await work.ok(query("mine")), /"owner":"ann"/);
    assert.match(await work.ok(query("managed")), /"owner":"ann"/);
    const running = await work.ok(["chaincode", "ps"]);
    assert.match(running, /^mine +1\.0 +running +external/m);
    assert.match(running, /^managed +1\.0 +running +process/m);
    await own.kill();
  }
  // Without it the peer waits again, and what was issued before is gone.
  const asking = work.run(query("mine"));
  const [again, addressAgain] = await told(2);
  {
    await using _own = new OwnChaincode(directory, `. '${again}'`, addressAgain);
    const answer = await asking;
    assert.match(answer.out, /"owner":"ann"/, answer.err);
    await work.ok(["chaincode", "stop", "mine"]);
    await until("the end of its key and certificate", () => !existsSync(again));
  }
});

/** `export NAME=value` lines as `denim env` prints them. */
function exported(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^export (\w+)=["']?(.*?)["']?$/gm)].map(([, name, value]) => [name, value]),
  );
}

Deno.test("with --peer-chaincodedev and without TLS chaincode registers unasked, and instantiate finds it", async () => {
  await using work = new Workplace();
  await work.up("--runtime", "process");
  const settings = exported(await work.ok(["env", "Org1MSP"]));
  const { ORDERER_ADDRESS = "", ORDERER_CA = "" } = settings;
  const [port, chaincodePort] = await freePorts(2);
  const environment = {
    ...settings,
    CORE_PEER_ID: "developed",
    CORE_PEER_ADDRESS: `localhost:${port}`,
    CORE_PEER_LISTENADDRESS: `127.0.0.1:${port}`,
    CORE_PEER_CHAINCODELISTENADDRESS: `127.0.0.1:${chaincodePort}`,
    CORE_PEER_FILESYSTEMPATH: join(work.directory, "developed"),
    CORE_PEER_TLS_ENABLED: "false",
    CORE_OPERATIONS_LISTENADDRESS: "127.0.0.1:0",
  };
  const peer = work.spawn(["node", "start", "--peer-chaincodedev"], environment);
  try {
    const orderer = ["-o", ORDERER_ADDRESS, "--tls", "--cafile", ORDERER_CA];
    const block = join(work.directory, "genesis.block");
    await work.ok(["channel", "fetch", "0", "-c", "mychannel", ...orderer, block], { environment });
    for (const deadline = Date.now() + 60_000;;) {
      const { code, err } = await work.run(["channel", "join", "-b", block], { environment });
      if (code === 0) break;
      if (Date.now() > deadline) throw new Error(err);
    }
    await work.ok(
      ["chaincode", "install", "-l", "node", "-n", "mine", "-v", "1.0", "-p", assetExample],
      { environment },
    );
    const directory = join(work.directory, "mine");
    cpSync(assetExample, directory, { recursive: true });
    await using _own = new OwnChaincode(
      directory,
      "export CORE_CHAINCODE_ID_NAME=mine:1.0",
      `127.0.0.1:${chaincodePort}`,
    );
    // Without the chaincode this would wait for the startup timeout, five minutes.
    await work.ok(
      ["chaincode", "instantiate", "-C", "mychannel", "-n", "mine", "-v", "1.0", "-c", input]
        .concat(orderer),
      { environment },
    );
    assert.match(await work.ok(["chaincode", "ps"], { environment }), /^mine +1\.0 +running/m);
  } finally {
    peer.kill("SIGTERM");
    await peer.status;
  }
});
