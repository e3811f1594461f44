import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { withDirectory } from "../../../tests/support/runtime.ts";
import { utf8 } from "../../base/bytes.ts";
import { findProgram } from "../process/toolchain.ts";
import { javaTrustStore, trustStorePassword } from "./java-trust-store.ts";

const keytool = findProgram("keytool", Deno.env.get("PATH"));

Deno.test("files without certificates give no store", () => {
  assert.equal(javaTrustStore(), undefined);
  assert.equal(javaTrustStore(utf8("# nothing")), undefined);
});

Deno.test({
  name: "Java reads the store: each certificate once, however often it was given",
  ignore: keytool === undefined,
  fn: () =>
    withDirectory(async (directory) => {
      const [first, second, third] = rootCertificates;
      const store = javaTrustStore(
        utf8(`# first\n${first}\n${second}`),
        utf8(`${first}\n${third}`),
      );
      assert(store !== undefined);
      const path = join(directory, "roots.jks");
      writeFileSync(path, store);
      const list = async (password: string) => {
        const args = ["-list", "-keystore", path, "-storepass", password];
        const { stdout } = await new Deno.Command(keytool ?? "", { args }).output();
        return new TextDecoder().decode(stdout);
      };
      assert.match(await list(trustStorePassword), /contains 3 entries/);
      assert.match(await list("another"), /password was incorrect/);
    }),
});
