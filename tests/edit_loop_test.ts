/** The edit loop as a developer has it: deploy a directory, run it beside the peer, edit. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assetExample, repository, Workplace } from "./support/denim.ts";
import { toolchain } from "./support/process-runtime.ts";

const query = (name: string, ...args: string[]) => [
  ...["chaincode", "query", "-C", "mychannel", "-n", name],
  ...["-c", JSON.stringify({ Args: args })],
];
const invoke = (name: string, ...args: string[]) => [
  ...["chaincode", "invoke", "-C", "mychannel", "-n", name],
  ...["-c", JSON.stringify({ Args: args }), "--waitForEvent"],
];

Deno.test("deploy brings a directory onto every peer, and a changed one as the next version", async () => {
  await using work = new Workplace();
  await work.up("--runtime", "process", "--orgs", "2");
  const directory = join(work.directory, "my asset");
  cpSync(assetExample, directory, { recursive: true });
  const deploy = (...more: string[]) => work.ok(["chaincode", "deploy", directory, ...more]);

  const first = await deploy("-n", "asset", "-c", '{"Args":["init","a1","ann","5"]}');
  assert.match(first, /^ +\d+ ms {2}packaged asset 1\.0 \(node, \d+ kB\)$/m);
  assert.equal(first.match(/installed on localhost:\d+$/gm)?.length, 2);
  assert.match(first, /instantiated asset 1\.0 on mychannel\n$/);
  // Committed when the command returns.
  assert.match(await work.ok(query("asset", "read", "a1")), /"owner":"ann"/);

  assert.match(await deploy("-n", "asset"), /^asset 1\.0 on mychannel is what .* holds\.\n$/);
  writeFileSync(join(directory, "more.js"), "// more\n");
  assert.match(await deploy("-n", "asset"), /upgraded asset 1\.0 to 1\.1 on mychannel\n$/);
  assert.match(await work.ok(query("asset", "read", "a1")), /"owner":"ann"/);
  const next = ["chaincode", "deploy", directory, "-n", "asset", "-v", "2.0", "--trace"];
  const traced = await work.run(next);
  assert.match(traced.out, /upgraded asset 1\.1 to 2\.0/, traced.err);
  for (const step of ["package", "start", "register", "ready", "init", "upgrade"]) {
    assert.match(traced.err, new RegExp(` {2}${step} +ok {2}`), traced.err);
  }
  // A new policy is a new version, although the sources are the same.
  const policy = await deploy("-n", "asset", "-P", "AND('Org1MSP.member','Org2MSP.member')");
  assert.match(policy, /upgraded asset 2\.0 to 2\.1/);

  const refused = await work.run(["chaincode", "deploy", directory, "-n", "asset", "-v", "2.1"]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /asset 2\.1 is instantiated already/);
  const nothing = await work.run(["chaincode", "deploy", "nowhere"]);
  assert.equal(nothing.code, 1);
  assert.match(nothing.err, /nowhere is not a directory/);
});

/** A first Go build fills its caches, which takes a minute on a busy machine. */
const saysTimeoutMs = 300_000;

/** `chaincode dev`, its output read as it comes. */
class DevProcess implements AsyncDisposable {
  #output = "";
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;

  constructor(work: Workplace, ...args: string[]) {
    this.#child = work.spawn(["chaincode", "dev", ...args], {}, "piped");
    this.#reading = this.#read(this.#child.stdout);
  }

  async #read(stdout: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stdout) this.#output += decoder.decode(bytes, { stream: true });
  }

  /** The first match beyond what was matched before. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (const deadline = Date.now() + saysTimeoutMs; Date.now() < deadline;) {
      const match = pattern.exec(this.#output);
      if (match !== null) {
        this.#output = this.#output.slice(match.index + match[0].length);
        return match;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`it did not say ${pattern}, but:\n${this.#output}`);
  }

  /** Ctrl-C. */
  async end(): Promise<number> {
    this.#child.kill("SIGINT");
    const { code } = await this.#child.status;
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await this.#reading;
  }
}

Deno.test("dev starts JavaScript anew on every change, keeps state, and gives it back at the end", async () => {
  await using work = new Workplace();
  await work.up("--runtime", "process");
  const directory = join(work.directory, "asset");
  const main = join(directory, "chaincode.js");
  cpSync(assetExample, directory, { recursive: true });
  const source = Deno.readTextFileSync(main);
  const answering = (word: string) =>
    source.replace(
      "return await load(stub, id);",
      `return { word: "${word}", ...await load(stub, id) };`,
    );
  {
    await using dev = new DevProcess(work, directory, "--inspect", "--inspect-port", "0");
    await dev.says(/│ Debugger listening on ws:\/\/127\.0\.0\.1:\d+\//);
    await dev.says(/started: asset-js is ready after \d+ ms/);
    await dev.says(/instantiated asset-js 1\.0 on mychannel/);
    await dev.says(/edit the sources/);
    await work.ok(invoke("asset-js", "create", "a1", "ann", "5"));

    writeFileSync(main, answering("one"));
    const [, ms] = await dev.says(/reload 1 \(chaincode\.js\): asset-js is ready after (\d+) ms/);
    console.log(`edit to ready, JavaScript: ${ms} ms`);
    assert.match(await work.ok(query("asset-js", "read", "a1")), /"word":"one".*"owner":"ann"/);

    writeFileSync(main, `${source}\nsyntax error`);
    await dev.says(/│ .*SyntaxError/);
    await dev.says(/│ +at \/\S*\/asset\/chaincode\.js:\d+:\d+/);
    await dev.says(/reload 2 \(chaincode\.js\): asset-js is down/);
    writeFileSync(join(directory, "package.json"), "{ damaged");
    await dev.says(/it cannot be built, asset-js is down\n.*package\.json/);
    cpSync(join(assetExample, "package.json"), join(directory, "package.json"));
    writeFileSync(main, answering("two"));
    await dev.says(/reload 3 .*: asset-js is ready/);
    assert.match(await work.ok(query("asset-js", "read", "a1")), /"word":"two"/);

    const second = await work.run(["chaincode", "dev", directory]);
    assert.equal(second.code, 1);
    assert.match(second.err, /attached to somebody already/);

    // A build that fails leaves the running one alone.
    writeFileSync(join(directory, "package.json"), "{ damaged");
    await dev.says(/it cannot be built, asset-js runs on as it was/);
    assert.match(await work.ok(query("asset-js", "read", "a1")), /"word":"two"/);
    cpSync(join(assetExample, "package.json"), join(directory, "package.json"));
    assert.equal(await dev.end(), 0);
  }
  // From here on the peer runs what is installed: the sources as they were at the beginning.
  const given = await work.ok(query("asset-js", "read", "a1"));
  assert.match(given, /"owner":"ann"/);
  assert.doesNotMatch(given, /word/);
});

const typed = (word: string) => `
import shim, { type ChaincodeStub } from "fabric-shim";

interface Answer { readonly word: string; readonly stored: string }

class Typed {
  Init(_stub: ChaincodeStub): Promise<unknown> {
    return Promise.resolve(shim.success());
  }
  async Invoke(stub: ChaincodeStub): Promise<unknown> {
    const { fcn, params: [value = ""] } = stub.getFunctionAndParameters();
    if (fcn === "put") await stub.putState("key", new TextEncoder().encode(value));
    const stored = new TextDecoder().decode(await stub.getState("key"));
    const answer: Answer = { word: "${word}", stored };
    return shim.success(new TextEncoder().encode(JSON.stringify(answer)));
  }
}

shim.start(new Typed());
`;

Deno.test("dev runs TypeScript, and takes the chaincode over again when the peer was restarted", async () => {
  await using work = new Workplace();
  await work.up("--runtime", "process");
  const directory = join(work.directory, "typed");
  mkdirSync(directory);
  const main = join(directory, "chaincode.ts");
  writeFileSync(
    join(directory, "package.json"),
    JSON.stringify({
      ...{ name: "typed", version: "1.0.0", type: "module" },
      scripts: { start: "tsx chaincode.ts" },
      dependencies: { "fabric-shim": "2.5.8" },
    }),
  );
  writeFileSync(main, typed("one"));
  await using dev = new DevProcess(work, directory);
  await dev.says(/started: typed is ready/);
  await dev.says(/edit the sources/);
  await work.ok(invoke("typed", "put", "kept"));
  writeFileSync(main, typed("two"));
  await dev.says(/reload 1 \(chaincode\.ts\): typed is ready/);
  assert.equal(await work.ok(query("typed", "get")), '{"word":"two","stored":"kept"}\n');

  await work.ok(["down"]);
  await dev.says(/the peer has gone/);
  writeFileSync(main, typed("three"));
  // Under other ports than before.
  await work.up("--runtime", "process");
  await dev.says(/started again: typed is ready/);
  assert.equal(await work.ok(query("typed", "get")), '{"word":"three","stored":"kept"}\n');
  writeFileSync(main, typed("four"));
  await dev.says(/reload \d+ \(chaincode\.ts\): typed is ready/);
  assert.equal(await work.ok(query("typed", "get")), '{"word":"four","stored":"kept"}\n');
  assert.equal(await dev.end(), 0);
  // The peer runs what was instantiated.
  assert.equal(await work.ok(query("typed", "get")), '{"word":"one","stored":"kept"}\n');
});

Deno.test({
  name: "dev builds Go anew on every change; what does not compile leaves the running one alone",
  ignore: toolchain.go === undefined,
  fn: async () => {
    await using work = new Workplace();
    await work.up("--runtime", "process");
    const directory = join(work.directory, "asset-go");
    cpSync(join(repository, "examples/asset-go"), directory, { recursive: true });
    mkdirSync(directory, { recursive: true });
    const main = join(directory, "main.go");
    const source = Deno.readTextFileSync(main);
    await using dev = new DevProcess(work, directory, "-n", "asset");
    await dev.says(/instantiated asset 1\.0 on mychannel/);
    await work.ok(invoke("asset", "create", "a1", "ann", "5"));
    writeFileSync(main, source.replaceAll("does not exist", "is nowhere"));
    const [, ms] = await dev.says(/reload 1 \(main\.go\): asset is ready after (\d+) ms/);
    console.log(`edit to ready, Go: ${ms} ms`);
    assert.match((await work.run(query("asset", "read", "zz"))).err, /is nowhere/);
    writeFileSync(main, `${source}\nfunc broken() { undefinedThing() }\n`);
    await dev.says(/it cannot be built, asset runs on as it was\n[^]*undefined: undefinedThing/);
    assert.match(await work.ok(query("asset", "read", "a1")), /"owner":"ann"/);
    assert.equal(await dev.end(), 0);
  },
});
