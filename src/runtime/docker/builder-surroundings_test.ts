import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { withDirectory } from "../../../tests/support/runtime.ts";
import { text } from "../../base/bytes.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { builderSurroundings } from "./builder-surroundings.ts";

const bare = { cache: false, environment: {}, proxies: {}, caFile: "" };

Deno.test("each language has a cache volume of its own, unless caches are off", () => {
  const go = builderSurroundings({ ...bare, type: ChaincodeSpec_Type.GOLANG, cache: true });
  assert.deepEqual(go.binds, ["denim-cache-golang:/denim-cache"]);
  assert(go.environment.includes("GOCACHE=/denim-cache/build"));
  const node = builderSurroundings({ ...bare, type: ChaincodeSpec_Type.NODE, cache: true });
  assert.deepEqual(node.binds, ["denim-cache-node:/denim-cache"]);
  assert(node.environment.includes("npm_config_audit=false"));
  const java = builderSurroundings({ ...bare, type: ChaincodeSpec_Type.JAVA, cache: true });
  assert.deepEqual(java.binds, ["denim-cache-java:/denim-cache"]);
  assert.match(java.before, /-Dmaven\.repo\.local=\/denim-cache\/maven/);
  assert(java.environment.some((setting) => setting.startsWith("DENIM_JAVA_OPTIONS=-")));
  for (const type of [ChaincodeSpec_Type.GOLANG, ChaincodeSpec_Type.CAR]) {
    assert.deepEqual(builderSurroundings({ ...bare, type }), {
      before: "",
      environment: [],
      binds: [],
      files: [],
    });
  }
});

Deno.test("proxies go in under both spellings, Docker's own settings first", () => {
  const { environment } = builderSurroundings({
    ...bare,
    type: ChaincodeSpec_Type.NODE,
    environment: { https_proxy: "http://peer:1", NO_PROXY: "a", SECRET: "x" },
    proxies: { HTTPS_PROXY: "http://docker:1" },
  });
  assert.deepEqual(environment.filter((setting) => !setting.startsWith("npm_")), [
    "https_proxy=http://docker:1",
    "HTTPS_PROXY=http://docker:1",
    "no_proxy=a",
    "NO_PROXY=a",
  ]);
});

Deno.test("Java trusts a bundle in place of its own certificates, and additional ones besides", async () => {
  await withDirectory((directory) => {
    const pem = join(directory, "roots.pem");
    writeFileSync(pem, rootCertificates[0]);
    const java = (environment: Record<string, string>) =>
      builderSurroundings({ ...bare, type: ChaincodeSpec_Type.JAVA, environment });
    const options = ({ environment }: ReturnType<typeof java>) =>
      environment.find((setting) => setting.startsWith("DENIM_JAVA_OPTIONS=")) ?? "";
    const store = "denim-certificates/roots.jks";
    const replaced = java({ SSL_CERT_FILE: pem });
    assert.match(options(replaced), new RegExp(`-Djavax.net.ssl.trustStore=/${store}`));
    assert.doesNotMatch(replaced.before, /keytool/);
    const added = java({ NODE_EXTRA_CA_CERTS: pem });
    assert.doesNotMatch(options(added), /trustStore/);
    assert.match(added.before, new RegExp(`keytool .*-srckeystore /${store}`));
    for (const { files } of [replaced, added]) assert.equal(files.at(-1)?.name, store);
    assert.doesNotMatch(java({}).before, /keytool/);
    return Promise.resolve();
  });
});

Deno.test("certificates are copied in, and a file that is not there is left out", async () => {
  await withDirectory((directory) => {
    const ca = join(directory, "ca.pem");
    const bundle = join(directory, "bundle.pem");
    writeFileSync(ca, "ca");
    writeFileSync(bundle, "bundle");
    const type = ChaincodeSpec_Type.GOLANG;
    const environment = { NODE_EXTRA_CA_CERTS: "/no/such.pem", SSL_CERT_FILE: bundle };
    const { environment: variables, files } = builderSurroundings({
      ...bare,
      type,
      environment,
      caFile: ca,
    });
    assert.deepEqual(files.map(({ name, content }) => `${name}: ${text(content)}`), [
      "denim-certificates/additional.pem: ca",
      "denim-certificates/bundle.pem: bundle",
    ]);
    assert(variables.includes("NODE_EXTRA_CA_CERTS=/denim-certificates/additional.pem"));
    assert(variables.includes("SSL_CERT_DIR=/denim-certificates:/etc/ssl/certs"));
    assert(variables.includes("SSL_CERT_FILE=/denim-certificates/bundle.pem"));
    assert.deepEqual(
      builderSurroundings({ ...bare, type, environment: { NODE_EXTRA_CA_CERTS: "/no" } }).files,
      [],
    );
    return Promise.resolve();
  });
});
