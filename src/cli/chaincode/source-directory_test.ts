import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { sourceDirectory } from "./source-directory.ts";

Deno.test("a directory tells its language, and the name that lscc takes", () => {
  const root = mkdtempSync(join(tmpdir(), "denim-sources-"));
  try {
    const cases: readonly (readonly [string, Record<string, string>, string, string])[] = [
      ["a", { "package.json": '{"name":"@me/asset.transfer"}' }, "NODE", "asset-transfer"],
      ["my_cc!", { "package.json": "{ damaged" }, "NODE", "my_cc"],
      ["b", { "go.mod": "module example.com/x/token/v2\n" }, "GOLANG", "token"],
      ["java-cc", { "pom.xml": "<project/>" }, "JAVA", "java-cc"],
      ["c", { "package.json": '{"name":"--__--"}', "go.mod": "module x" }, "NODE", "c"],
    ];
    for (const [directory, files, type, name] of cases) {
      mkdirSync(join(root, directory));
      for (const [file, content] of Object.entries(files)) {
        writeFileSync(join(root, directory, file), content);
      }
      const found = sourceDirectory(directory, root);
      assert.deepEqual([ChaincodeSpec_Type[found.type], found.name], [type, name]);
      assert.match(found.name, /^[A-Za-z0-9]+([-_][A-Za-z0-9]+)*$/);
    }
    mkdirSync(join(root, "empty"));
    assert.throws(() => sourceDirectory("empty", root), { code: "no-chaincode" });
    assert.throws(() => sourceDirectory("missing", root), { message: /is not a directory/ });
  } finally {
    rmSync(root, { recursive: true });
  }
});
