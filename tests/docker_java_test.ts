/** Chaincode in Java, and CAR, in containers: over a whole network, and when it does not come up. */
import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ChaincodeSpec_Type } from "../src/gen/peer/chaincode_pb.ts";
import { connectEngine } from "../src/runtime/docker/connect.ts";
import { readAll } from "../src/runtime/docker/output-stream.ts";
import { readTar } from "../src/runtime/platforms/tar.ts";
import { repository, Workplace } from "./support/denim.ts";
import { type DockerForTests, dockerTest, withoutNetwork } from "./support/docker.ts";
import { withRuntime } from "./support/docker-runtime.ts";
import { plainJava } from "./support/plain-java.ts";
import { packaged, Recorder, withDirectory } from "./support/runtime.ts";

const example = join(repository, "examples/asset-java");
const never = new AbortController().signal;
const maxJarBytes = 256 * 1024 * 1024;
/** Maven and a JVM need seconds of processor, which a busy machine gives late. */
const launchTimeoutMs = 300_000;

/** A network whose chaincode runs on the engine of the tests, and its commands. */
class JavaNetwork implements AsyncDisposable {
  readonly work: Workplace;

  constructor({ vm, platforms }: DockerForTests) {
    const image = platforms.java.runtime;
    this.work = new Workplace({
      environment: {
        CORE_VM_ENDPOINT: vm.endpoint,
        CORE_CHAINCODE_JAVA_RUNTIME: image,
        // It has a stand-in for chaintool.
        CORE_CHAINCODE_BUILDER: image,
        CORE_CHAINCODE_CAR_RUNTIME: image,
      },
    });
  }

  async up(): Promise<void> {
    await this.work.up("--runtime", "docker");
  }

  async install(language: string, name: string, version: string, path: string): Promise<void> {
    const flags = ["-l", language, "-n", name, "-v", version, "-p", path];
    await this.work.ok(["chaincode", "package", ...flags, `${name}.cds`]);
    await this.work.ok(["chaincode", "install", `${name}.cds`]);
  }

  /** What `--trace` shows of instantiate or upgrade. */
  async launch(
    command: "instantiate" | "upgrade",
    name: string,
    version: string,
    ...args: string[]
  ) {
    const flags = ["-C", "mychannel", "-n", name, "-v", version, "--trace"];
    const call = ["-c", JSON.stringify({ Args: ["init", ...args] })];
    return await this.work.run(["chaincode", command, ...flags, ...call], {
      timeoutMs: launchTimeoutMs,
    });
  }

  query(name: string, ...args: string[]): Promise<string> {
    return this.work.ok(this.#call("query", name, args));
  }

  invoke(name: string, ...args: string[]) {
    return this.work.run([...this.#call("invoke", name, args), "--waitForEvent"]);
  }

  #call(command: string, name: string, args: string[]): string[] {
    const input = ["-c", JSON.stringify({ Args: args })];
    return ["chaincode", command, "-C", "mychannel", "-n", name, ...input];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.work.run(["chaincode", "prune"]);
    await this.work[Symbol.asyncDispose]();
  }
}

/** The jar that a Java chaincode's container runs. */
async function jarIn(docker: DockerForTests, container: string): Promise<Uint8Array> {
  const { docker: engine, close } = await connectEngine(docker.vm);
  try {
    const path = "/root/chaincode-java/chaincode/chaincode.jar";
    const archive = await engine.getContainer(container).getArchive({ path });
    const [jar] = readTar(await readAll(archive, maxJarBytes));
    return jar.content;
  } finally {
    close();
  }
}

dockerTest(
  "Java over a network: built, instantiated, used and upgraded; and as CAR, built by chaintool's command",
  async (docker) => {
    await using network = new JavaNetwork(docker);
    const { work } = network;
    await network.up();
    const source = join(work.directory, "source");
    cpSync(example, source, { recursive: true });
    // Nothing like it was built before.
    writeFileSync(join(source, "src/main/resources/once"), `${Date.now()}`);
    await network.install("java", "asset", "1.0", source);
    const launched = await network.launch("instantiate", "asset", "1.0", "a1", "ann", "5");
    assert.equal(launched.code, 0, launched.err);
    for (const words of [/build +\| Maven build$/m, /build +\| .*BUILD SUCCESS/, / ready +ok /]) {
      assert.match(launched.err, words);
    }

    assert.equal((await network.invoke("asset", "create", "a2", "bob", "7")).code, 0);
    assert.equal((await network.invoke("asset", "transfer", "a1", "eve")).code, 0);
    const refused = await network.invoke("asset", "create", "a2", "bob", "7");
    assert.match(refused.err, /asset a2 already exists/);
    const [a1, a2] = ['{"id":"a1","owner":"eve","value":5}', '{"id":"a2","owner":"bob","value":7}'];
    assert.equal(await network.query("asset", "read", "a1"), `${a1}\n`);
    assert.equal(await network.query("asset", "list"), `[${a1},${a2}]\n`);
    const page = JSON.parse(await network.query("asset", "list", "", "", "1", ""));
    assert.deepEqual(page, { assets: [JSON.parse(a1)], bookmark: "a2" });
    const history = JSON.parse(await network.query("asset", "history", "a1"));
    assert.deepEqual(history.map((change: { asset: object }) => change.asset), [
      { id: "a1", owner: "ann", value: 5 },
      JSON.parse(a1),
    ]);

    const pom = join(source, "pom.xml");
    const changed = readFileSync(pom, "utf8").replace("<version>1.0.0<", "<version>2.0.0<");
    writeFileSync(pom, changed);
    await network.install("java", "asset", "2.0", source);
    const upgraded = await network.launch("upgrade", "asset", "2.0");
    assert.equal(upgraded.code, 0, upgraded.err);
    assert.equal(await network.query("asset", "version"), '{"version":"2.0.0"}\n');
    assert.equal(await network.query("asset", "read", "a2"), `${a2}\n`);

    const [running] = JSON.parse(await work.ok(["chaincode", "ps", "--json"]));
    writeFileSync(join(work.directory, "asset.car"), await jarIn(docker, running.id));
    await network.install("car", "cars", "1.0", "asset.car");
    const car = await network.launch("instantiate", "cars", "1.0", "c1", "ann", "5");
    assert.equal(car.code, 0, car.err);
    assert.match(car.err, /build +\| chaintool: \d+ files$/m);
    assert.match(await network.query("cars", "read", "c1"), /"owner":"ann"/);
  },
  ["java"],
);

dockerTest(
  "Java that does not compile, or does not start, says why to the client",
  async (docker) => {
    await using network = new JavaNetwork(docker);
    await network.up();
    const cases: [string, string, RegExp[]][] = [
      ["typo", "System.out.printn(1);", [
        /the builder ended with exit code 1/,
        /Main\.java:\[3,15\] cannot find symbol/,
        /symbol: +method printn\(int\)/,
        /Hint: The Java source does not compile/,
      ]],
      ["thrower", 'throw new IllegalStateException("no settings here");', [
        /container exited with 1/,
        /Exception in thread "main" java\.lang\.IllegalStateException: no settings here/,
        /at Main\.main\(Main\.java:3\)/,
        /Hint: It threw at its start/,
      ]],
    ];
    await Promise.all(cases.map(async ([name, main, words]) => {
      await network.install("java", name, "1.0", plainJava(network.work.directory, name, main));
      const { code, err } = await network.launch("instantiate", name, "1.0");
      assert.equal(code, 1);
      const error = err.slice(err.indexOf("Error:"));
      for (const word of words) assert.match(error, word);
    }));
  },
  ["java"],
);

dockerTest(
  "Java: what a build downloaded is there for the next one, which needs no network",
  async (docker) => {
    await withDirectory(async (directory) => {
      const project = (name: string) => {
        const main = `System.out.println(new com.google.gson.Gson() + "${name} ${Date.now()}");`;
        // The image of the tests has another version.
        const path = plainJava(directory, name, main, ["com.google.code.gson", "gson", "2.10.1"]);
        return packaged(ChaincodeSpec_Type.JAVA, path, name);
      };
      const [first, second] = [new Recorder(), new Recorder()];
      // Its repository may be reached through certificates that the machine names.
      const { SSL_CERT_FILE = "", NODE_EXTRA_CA_CERTS = "" } = Deno.env.toObject();
      await withRuntime(docker, (runtime) => runtime.build(project("first"), first, never), {
        environment: { SSL_CERT_FILE, NODE_EXTRA_CA_CERTS },
      });
      await withRuntime(
        withoutNetwork(docker),
        (runtime) => runtime.build(project("second"), second, never),
      );
      for (const { steps, lines } of [first, second]) {
        assert.deepEqual(steps.slice(0, 2), ["build begin", "build end"]);
        assert(lines.some((line) => line.endsWith("BUILD SUCCESS")), lines.join("\n"));
      }
    });
  },
  ["java"],
);
