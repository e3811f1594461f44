/** `node start` as a supervisor sees it: one setting in the environment, stderr, signals, exit code. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateOrganization } from "../src/network/keys/organization-keys.ts";
import { writeOrganization } from "../src/network/keys/write-organization.ts";
import { repository, Workplace } from "./support/denim.ts";

/** Supervisors of Fabric's peers wait this long for the start-up line. */
const startMs = 15_000;
/** What a signal leads to is to be seen soon; a busy machine gets more than the second it should take. */
const signalMs = 10_000;

/** Keys of one organisation and a core.yaml for its peer, with a data directory relative to it. */
function configuredPeer(directory: string) {
  const org = writeOrganization(
    join(directory, "crypto"),
    generateOrganization({ domain: "org1.example.com", mspId: "Org1MSP" }),
  );
  const keys = join(org, "peers", "peer0.org1.example.com");
  const config = join(directory, "peers", "peer0");
  mkdirSync(config, { recursive: true });
  writeFileSync(
    join(config, "core.yaml"),
    `
peer:
  id: peer0.org1
  networkId: supervised
  address: 127.0.0.1:0
  addressAutoDetect: true
  listenAddress: 127.0.0.1:0
  chaincodeListenAddress: 0.0.0.0:0
  tls:
    enabled: true
    cert: { file: ${join(keys, "tls/server.crt")} }
    key: { file: ${join(keys, "tls/server.key")} }
    rootcert: { file: ${join(keys, "tls/ca.crt")} }
  mspConfigPath: ${join(keys, "msp")}
  localMspId: Org1MSP
  fileSystemPath: filesystem
vm: { endpoint: "unix:///nowhere/docker.sock" }
chaincode:
  builder: $(DOCKER_NS)/fabric-ccenv:$(ARCH)-$(PROJECT_VERSION)
  golang: { runtime: $(BASE_DOCKER_NS)/fabric-baseos:$(ARCH)-$(BASE_VERSION) }
operations: { listenAddress: "127.0.0.1:0" }
`,
  );
  return { config, adminMsp: join(org, "users", "Admin@org1.example.com", "msp") };
}

/** A process with its output as it comes. */
class Supervised {
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>[];
  out = "";
  err = "";

  constructor(config: string, directory: string) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", join(repository, "main.ts"), "node", "start"],
      cwd: directory,
      env: { FABRIC_CFG_PATH: config },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const read = async (from: ReadableStream<Uint8Array>, got: (text: string) => void) => {
      for await (const text of from.pipeThrough(new TextDecoderStream())) got(text);
    };
    this.#reading = [
      read(this.#process.stdout, (text) => this.out += text),
      read(this.#process.stderr, (text) => this.err += text),
    ];
  }

  /** Waits until stderr says it. */
  async says(pattern: RegExp, withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (!pattern.test(this.err)) {
      assert.ok(Date.now() < deadline, `${pattern} was not said:\n${this.err}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  kill(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** @returns the exit code */
  async ended(): Promise<number> {
    const { code } = await this.#process.status;
    await Promise.all(this.#reading);
    return code;
  }
}

Deno.test("a peer started with FABRIC_CFG_PATH alone does what a supervisor waits for", async (t) => {
  await using work = new Workplace();
  const { config, adminMsp } = configuredPeer(work.directory);
  const client = (address = "127.0.0.1:0") => ({
    environment: {
      FABRIC_CFG_PATH: config,
      CORE_PEER_MSPCONFIGPATH: adminMsp,
      CORE_PEER_ADDRESS: address,
    },
  });
  const peer = new Supervised(config, work.directory);
  try {
    await t.step("it says that it has started", async () => {
      await peer.says(/Started peer with ID=\[.*\], network ID=\[supervised\], address=/, startMs);
    });
    await t.step("relative paths start at core.yaml, wherever the process stands", () => {
      assert.ok(existsSync(join(config, "filesystem", "ledgersData")));
      assert.ok(!existsSync(join(work.directory, "filesystem")));
    });
    await t.step("on SIGUSR1 it reports what it does and goes on", async () => {
      peer.kill("SIGUSR1");
      await peer.says(/Received signal: 10 \(user defined signal 1\)/, signalMs);
      await peer.says(/Go routines report:\n {2}process \d+: up /, signalMs);
      const port = /address=\[\S+:(\d+)\]/.exec(peer.err)?.[1];
      const status = await work.ok(["node", "status"], client(`127.0.0.1:${port}`));
      assert.match(status, /status:STARTED/);
    });
    await t.step("offline commands on its data are refused meanwhile", async () => {
      for (const command of [["reset"], ["rollback", "-c", "mychannel", "-b", "0"]]) {
        const { code, err } = await work.run(["node", ...command], client());
        assert.equal(code, 1);
        assert.match(err, /as another peer node command is executing, wait for that command/);
      }
    });
    await t.step("on SIGTERM it ends with 0; stdout has stayed empty", async () => {
      peer.kill("SIGTERM");
      await peer.says(/Received signal: 15 \(terminated\)/, signalMs);
      assert.equal(await peer.ended(), 0);
      assert.equal(peer.out, "");
    });
  } finally {
    try {
      peer.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await peer.ended();
  }
});
