import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { pack } from "tar-stream";
import { concat, utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { ChaincodeDeploymentSpecSchema, ChaincodeSpec_Type } from "../gen/peer/chaincode_pb.ts";
import { decodeDeploymentSpec } from "./code-package.ts";
import { listTarHeaders } from "./tar-headers.ts";

interface File {
  readonly name: string;
  readonly mode?: number;
  readonly content?: string;
}

async function tar(files: readonly File[]): Promise<Uint8Array> {
  const archive = pack();
  for (const { name, mode = 0o100644, content = "x" } of files) {
    archive.entry({ name, mode }, content);
  }
  archive.finalize();
  const parts: Uint8Array[] = [];
  for await (const part of archive as AsyncIterable<Uint8Array>) parts.push(part);
  return concat(...parts);
}

function problem(type: ChaincodeSpec_Type, code: Uint8Array): string {
  const bytes = toBinary(
    ChaincodeDeploymentSpecSchema,
    create(ChaincodeDeploymentSpecSchema, { chaincodeSpec: { type }, codePackage: code }),
  );
  try {
    decodeDeploymentSpec(bytes);
    return "";
  } catch (error) {
    assert.ok(error instanceof DenimError);
    return error.message;
  }
}

const { GOLANG, NODE, JAVA, CAR } = ChaincodeSpec_Type;
const longName = `src/${"deep/".repeat(40)}main.go`;

Deno.test("code of each platform must lie where the platform wants it", async () => {
  const of = async (type: ChaincodeSpec_Type, ...files: File[]) =>
    problem(type, gzipSync(await tar(files)));
  assert.equal(await of(GOLANG, { name: "src/a/main.go" }, { name: "META-INF/x" }), "");
  assert.equal(await of(GOLANG, { name: longName }), "");
  assert.match(await of(GOLANG, { name: "pkg/shady.a" }), /illegal file detected in payload: "pkg/);
  assert.match(
    await of(GOLANG, { name: "src/run.sh", mode: 0o100755 }),
    /illegal file mode detected for file src\/run.sh: /,
  );
  assert.match(await of(NODE, { name: "src/index.js" }), /no package.json found at the root/);
  assert.equal(await of(NODE, { name: "src/package.json" }), "");
  assert.equal(await of(JAVA, { name: "src/build.gradle" }, { name: "src/src/A.java" }), "");
  assert.match(await of(JAVA, { name: "src/src/A.class" }), /illegal file detected/);
  assert.equal(await of(CAR, { name: "anything" }), "");
});

Deno.test("no code at all is fine, and damage is judged as the platform judges it", async () => {
  assert.equal(problem(GOLANG, new Uint8Array(0)), "");
  assert.match(problem(GOLANG, utf8("not gzip")), /gzip: invalid header/);
  const archive = await tar([{ name: "src/build.gradle", content: "y".repeat(3000) }]);
  const cut = gzipSync(archive.subarray(0, 1024));
  assert.equal(problem(GOLANG, cut), "");
  assert.match(problem(JAVA, cut), /unexpected EOF/);
});

Deno.test("long names of PAX archives are read", async () => {
  const { headers, complete } = listTarHeaders(await tar([{ name: longName }, { name: "b" }]));
  assert.ok(complete);
  assert.deepEqual(headers.map(({ name }) => name), [longName, "b"]);
});

Deno.test("damaged archives never throw", async () => {
  const archive = await tar([{ name: longName }, { name: "src/a.go" }]);
  fc.assert(fc.property(fc.nat(archive.length - 1), fc.nat(255), fc.nat(), (at, byte, end) => {
    const damaged = archive.slice(0, end % archive.length);
    if (at < damaged.length) damaged[at] = byte;
    assert.ok(listTarHeaders(damaged).headers.length <= 3);
  }));
});
