import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { text } from "../base/bytes.ts";
import { ChaincodeSpec_Type } from "../gen/peer/chaincode_pb.ts";
import { containerTlsPaths, launchEnvironment, tlsFiles } from "./launch-environment.ts";
import { platformOf } from "./platforms/platforms.ts";

const trace = readFileSync(
  new URL("../../tests/testdata/golden/docker-trace.txt", import.meta.url),
  "utf8",
);
const tls = { clientKey: "KEY", clientCertificate: "CERT", rootCertificate: "ROOT" };

Deno.test("environment and command line of a container are those of the recorded peer", () => {
  const line = trace.split("\n").find((line) => line.startsWith('{"Env":'));
  const recorded: { Env: string[]; Cmd: string[] } = JSON.parse(line ?? "");
  const logging = recorded.Env.filter((entry) => entry.startsWith("CORE_CHAINCODE_LOGGING_"));
  const request = {
    chaincode: {
      name: "assetcc",
      version: "1.0",
      type: ChaincodeSpec_Type.GOLANG,
      path: "assetcc",
      codePackage: new Uint8Array(),
      packageId: new Uint8Array(),
    },
    peerAddress: "127.0.0.1:7052",
    tls,
    environment: Object.fromEntries(logging.map((entry) => {
      const equals = entry.indexOf("=");
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    })),
  };
  assert.deepEqual(
    launchEnvironment(request, containerTlsPaths).map(([name, value]) => `${name}=${value}`),
    recorded.Env,
  );
  assert.deepEqual(
    platformOf(ChaincodeSpec_Type.GOLANG).command(request.peerAddress),
    recorded.Cmd,
  );
  assert.deepEqual(
    launchEnvironment({ ...request, tls: undefined }, containerTlsPaths).at(-1),
    ["CORE_PEER_TLS_ENABLED", "false"],
  );
});

Deno.test("key and certificate are base64 of their PEM, the root is PEM, as recorded", () => {
  assert.deepEqual(
    tlsFiles(tls, containerTlsPaths).map(({ path, content }) => [path, text(content)]),
    [
      ["/etc/hyperledger/fabric/client.crt", "Q0VSVA=="],
      ["/etc/hyperledger/fabric/client.key", "S0VZ"],
      ["/etc/hyperledger/fabric/peer.crt", "ROOT"],
    ],
  );
});
