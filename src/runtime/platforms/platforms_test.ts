import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tmpdir } from "node:os";
import { gunzipSync, gzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { DenimError } from "../../base/errors.ts";
import { hex, utf8 } from "../../base/bytes.ts";
import { ChaincodeDeploymentSpecSchema, ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { readCodePackage } from "./code-package.ts";
import { generateDockerfile, labelInstruction, platformOf } from "./platforms.ts";
import { readTar, writeTar } from "./tar.ts";
import type { PlatformSettings, SourceEnvironment } from "./types.ts";

const golden = new URL("../../../tests/testdata/golden/", import.meta.url).pathname;
const settings: PlatformSettings = {
  builder: "hyperledger/fabric-ccenv:latest",
  pull: false,
  golang: { runtime: "go-runtime", dynamicLink: false },
  car: { runtime: "car-runtime" },
  java: { runtime: "java-runtime" },
  node: { runtime: "node-runtime" },
};
const golang = platformOf(ChaincodeSpec_Type.GOLANG);
const node = platformOf(ChaincodeSpec_Type.NODE);

/** A directory with these files, removed afterwards. */
function withFiles(files: Record<string, string>, run: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "denim-platform-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), content);
    }
    run(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function environment(gopath: string, warnings: string[] = []): SourceEnvironment {
  return { gopath, goroot: undefined, warn: (message) => warnings.push(message) };
}

function names(codePackage: Uint8Array): string[] {
  return readCodePackage(codePackage).map((entry) => entry.name);
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert(error instanceof DenimError, String(error));
    return `${error.code}: ${error.message}`;
  }
  return "no error";
}

Deno.test("the tar inside our golang package equals that of the real peer byte for byte", () => {
  const source = readFileSync(join(golden, "chaincode/assetcc/assetcc.go"), "utf8");
  const recorded = fromBinary(
    ChaincodeDeploymentSpecSchema,
    readFileSync(join(golden, "packages/assetcc-1.0.cds")),
  );
  withFiles({ "src/assetcc/assetcc.go": source, "src/assetcc/notes.txt": "no" }, (gopath) => {
    const ours = golang.package("assetcc", environment(gopath));
    assert.equal(ours.path, "assetcc");
    assert.deepEqual(gunzipSync(ours.codePackage), gunzipSync(recorded.codePackage));
    assert.equal(hex(ours.codePackage.subarray(0, 8)), hex(recorded.codePackage.subarray(0, 8)));
    assert.equal(ours.codePackage[9], 255);
  });
  golang.validateCodePackage(recorded.codePackage);
});

Deno.test("golang: dependencies move under the package's vendor directory, META-INF to the root", () => {
  const warnings: string[] = [];
  withFiles({
    "src/ex.org/cc/main.go":
      'package main\n/* import "ex.org/no" */\nimport (\n\t"fmt"\n\tx "ex.org/dep" // c\n\t"ex.org/own"\n\t"github.com/hyperledger/fabric/core/chaincode/shim"\n)\nimport `ex.org/raw`\nfunc main() { import "ex.org/never" }\n',
    "src/ex.org/cc/main_test.go": 'package main\nimport "ex.org/tested"\n',
    "src/ex.org/cc/other_windows.go": 'package main\nimport "ex.org/never"\n',
    "src/ex.org/cc/sub/sub.go": "package sub\n",
    "src/ex.org/cc/vendor/ex.org/own/own.go": 'package own\nimport "ex.org/cc/sub"\n',
    "src/ex.org/cc/META-INF/statedb/couchdb/indexes/i.json": '{"index":{"fields":["a"]}}',
    "src/ex.org/cc/META-INF/statedb/couchdb/indexes/.x.json": "no",
    "src/ex.org/dep/dep.go": 'package dep\nimport "ex.org/deeper"\n',
    "src/ex.org/dep/README.md": "no",
    "src/ex.org/deeper/d.go": "package deeper\n",
    "src/ex.org/own/own.go": "package own\n",
    "src/ex.org/raw/raw.go": "package raw\n",
    "src/ex.org/never/never.go": "package never\n",
    "src/ex.org/tested/t.go": "package tested\n",
    "src/github.com/hyperledger/fabric/core/chaincode/shim/shim.go": "package shim\n",
  }, (gopath) => {
    const { codePackage } = golang.package("ex.org/cc", environment(gopath, warnings));
    assert.deepEqual(names(codePackage), [
      "META-INF/statedb/couchdb/indexes/i.json",
      "src/ex.org/cc/main.go",
      "src/ex.org/cc/main_test.go",
      "src/ex.org/cc/other_windows.go",
      "src/ex.org/cc/sub/sub.go",
      "src/ex.org/cc/vendor/ex.org/deeper/d.go",
      "src/ex.org/cc/vendor/ex.org/dep/dep.go",
      "src/ex.org/cc/vendor/ex.org/own/own.go",
      "src/ex.org/cc/vendor/ex.org/raw/raw.go",
    ]);
    const metadata = readTar(golang.metadata(codePackage));
    assert.deepEqual(metadata.map((entry) => entry.name), [
      "META-INF/statedb/couchdb/indexes/i.json",
    ]);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /Ignoring hidden file/);
    const again = golang.package("ex.org/cc", environment(gopath));
    assert.deepEqual(again.codePackage, codePackage);
  });
});

Deno.test("golang: a module directory is packaged under its module path", () => {
  withFiles({
    "go.mod": "// mine\nmodule ex.org/mod // here\n\ngo 1.21\n",
    "go.sum": "",
    "main.go": "package main\n",
    "main_test.go": "package main\n",
    "inner/inner.go": "package inner\n",
    "vendor/modules.txt": "# x\n",
    "vendor/ex.org/x/x.go": "package x\n",
    ".git/config.json": "{}",
  }, (directory) => {
    golang.validatePath(directory, environment("/nowhere"));
    const { path, codePackage } = golang.package(directory, environment("/nowhere"));
    assert.equal(path, "ex.org/mod");
    assert.deepEqual(names(codePackage), [
      "src/ex.org/mod/go.mod",
      "src/ex.org/mod/go.sum",
      "src/ex.org/mod/inner/inner.go",
      "src/ex.org/mod/main.go",
      "src/ex.org/mod/vendor/ex.org/x/x.go",
      "src/ex.org/mod/vendor/modules.txt",
    ]);
    golang.validateCodePackage(codePackage);
    const job = golang.builderJob(path, codePackage, settings);
    assert.match(
      job.command,
      /^cd \/chaincode\/input\/src\/ex\.org\/mod && GO111MODULE=on go build/,
    );
  });
});

Deno.test("golang: a missing path, an odd path and a shell in the path are refused", () => {
  assert.equal(
    codeOf(() => golang.validatePath("no/such", environment("/nowhere"))),
    "invalid-path: path to chaincode does not exist: /nowhere/src/no/such",
  );
  assert.match(
    codeOf(() => golang.package("no/such", environment("/nowhere"))),
    /^packaging-failed: Error getting code code does not exist/,
  );
  assert.match(codeOf(() => golang.package("", environment("/nowhere"))), /empty chaincode path/);
  const empty = gzipSync(writeTar([]));
  for (const path of ["x", "a;rm -rf /", "a$(id)", "a b"]) {
    assert.match(
      codeOf(() => golang.builderJob(path, empty, settings)),
      /^invalid-path/,
    );
  }
});

Deno.test("node: files go under src in the order of a walk, node_modules and .git stay out", () => {
  withFiles({
    "package.json": "{}",
    "a/b.js": "",
    "a.js": "",
    "Z.js": "",
    ".gitignore": "x",
    ".git/HEAD": "x",
    "node_modules/x/index.js": "",
    "a/node_modules/y/index.js": "",
    "META-INF/statedb/couchdb/indexes/i.json":
      '{"index":{"fields":[{"size":"desc"}]},"type":"json"}',
  }, (directory) => {
    const { codePackage, path } = node.package(`${directory}/`, environment(""));
    assert.equal(path, `${directory}/`);
    assert.deepEqual(names(codePackage), [
      "META-INF/statedb/couchdb/indexes/i.json",
      "src/Z.js",
      "src/a/b.js",
      "src/a/node_modules/y/index.js",
      "src/a.js",
      "src/package.json",
    ]);
    node.validateCodePackage(codePackage);
    const [entry] = readCodePackage(codePackage);
    assert.deepEqual([entry.mode, entry.uid, entry.gid, entry.mtime], [0o100644, 500, 500, 0]);
  });
});

Deno.test("node: metadata in a wrong place or form is refused with Fabric's words", () => {
  const cases: [string, string, RegExp][] = [
    ["META-INF/x.json", "{}", /must begin with META-INF\/statedb, found: META-INF\//],
    ["META-INF/statedb/x.json", "{}", /must include a database and index directory/],
    [
      "META-INF/statedb/leveldb/indexes/x.json",
      "{}",
      /\[leveldb\] is not supported, valid options/,
    ],
    ["META-INF/statedb/couchdb/index/x.json", "{}", /does not have an indexes directory/],
    ["META-INF/statedb/couchdb/indexes/x.json", "{", /is not a valid JSON/],
    ["META-INF/statedb/couchdb/indexes/x.json", "{}", /must include a "fields" definition/],
    [
      "META-INF/statedb/couchdb/indexes/x.json",
      '{"index":{"fields":[{"a":"up"}]}}',
      /Sort must be either "asc" or "desc"\. {2}"up" was found/,
    ],
  ];
  for (const [name, content, expected] of cases) {
    withFiles({ "package.json": "{}", [name]: content }, (directory) => {
      assert.match(codeOf(() => node.package(directory, environment(""))), expected);
    });
  }
});

Deno.test("code packages with foreign files, execute bits or no gzip are refused", () => {
  const pack = (name: string, mode = 0o100644) =>
    gzipSync(writeTar([{ name, content: utf8("x"), mode }]));
  assert.equal(
    codeOf(() => golang.validateCodePackage(pack("pkg/x.a"))),
    'invalid-code-package: illegal file detected in payload: "pkg/x.a"',
  );
  assert.equal(
    codeOf(() => golang.validateCodePackage(pack("src/x.go", 0o100755))),
    "invalid-code-package: illegal file mode detected for file src/x.go: 100755",
  );
  assert.match(
    codeOf(() => node.validateCodePackage(pack("src/index.js"))),
    /no package\.json found at the root/,
  );
  assert.match(
    codeOf(() => node.validateCodePackage(utf8("hello"))),
    /failure opening codepackage gzip stream/,
  );
  assert.match(
    codeOf(() => platformOf(ChaincodeSpec_Type.JAVA).validateCodePackage(pack("src/A.class"))),
    /illegal file/,
  );
  golang.validateCodePackage(new Uint8Array(0));
  assert.equal(
    codeOf(() => platformOf(ChaincodeSpec_Type.UNDEFINED)),
    "unknown-platform: Unknown chaincodeType: UNDEFINED",
  );
});

Deno.test("the Dockerfile has Fabric's lines and no newline at the end", () => {
  assert.equal(
    generateDockerfile(golang, "assetcc", "1.0", {
      ...settings,
      golang: { runtime: "hyperledger/fabric-baseos:amd64-0.4.15", dynamicLink: false },
    }),
    `FROM hyperledger/fabric-baseos:amd64-0.4.15
ADD binpackage.tar /usr/local/bin
LABEL org.hyperledger.fabric.chaincode.id.name="assetcc" \\
      org.hyperledger.fabric.chaincode.id.version="1.0" \\
      org.hyperledger.fabric.chaincode.type="GOLANG" \\
      org.hyperledger.fabric.version="1.4.2" \\
      org.hyperledger.fabric.base.version="0.4.15"
ENV CORE_CHAINCODE_BUILDLEVEL=1.4.2`,
  );
});

Deno.test("command lines are those of 1.4.2", () => {
  assert.deepEqual(golang.command("h:7052"), ["chaincode", "-peer.address=h:7052"]);
  assert.deepEqual(node.command("h:7052"), [
    "/bin/sh",
    "-c",
    "cd /usr/local/src; npm start -- --peer.address h:7052",
  ]);
  const job = golang.builderJob("assetcc", gzipSync(writeTar([])), settings);
  assert.equal(
    job.command,
    `GOPATH=/chaincode/input:$GOPATH go build  -ldflags "-linkmode external -extldflags '-static'" -o /chaincode/output/chaincode assetcc`,
  );
  assert.equal(job.image, "hyperledger/fabric-ccenv:latest");
});

Deno.test("further labels stand in the same instruction, and nothing in them is a variable", () => {
  assert.equal(
    labelInstruction(golang, "cc", "1", { "org.denim.owner": '/data/$HOME "x"' }).split("\n").at(
      -1,
    ),
    '      org.denim.owner="/data/\\$HOME \\"x\\""',
  );
});
