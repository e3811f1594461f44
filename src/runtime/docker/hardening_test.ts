import assert from "node:assert/strict";
import type { ContainerHardening } from "../../config/types.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { limited } from "./hardening.ts";

const { GOLANG, NODE } = ChaincodeSpec_Type;
const defaults: ContainerHardening = {
  noNewPrivileges: true,
  capDrop: ["ALL"],
  pidsLimit: 1024,
  readonlyRootfs: "auto",
};

Deno.test("without hardening a container is Fabric's", () => {
  const fabric = { NetworkMode: "host", Memory: 5 };
  assert.deepEqual(limited(fabric, undefined, GOLANG), { hostConfig: fabric, volumes: undefined });
});

Deno.test("by default privileges, capabilities and processes are limited, Go's root is read-only", () => {
  assert.deepEqual(limited({ Memory: 5 }, defaults, NODE), {
    hostConfig: {
      Memory: 5,
      SecurityOpt: ["no-new-privileges"],
      CapDrop: ["ALL"],
      PidsLimit: 1024,
    },
    volumes: undefined,
  });
  const go = limited({}, defaults, GOLANG);
  assert.equal(go.hostConfig.ReadonlyRootfs, true);
  assert.deepEqual(go.hostConfig.Tmpfs, { "/tmp": "rw,nosuid,nodev,size=67108864" });
  assert.deepEqual(go.volumes, { "/etc/hyperledger/fabric": {} });
});

Deno.test("what hostConfig says stands, and each part can be switched off", () => {
  const said = {
    SecurityOpt: ["seccomp=x", "no-new-privileges:false"],
    CapDrop: ["NET_RAW"],
    CapAdd: ["CHOWN"],
    ReadonlyRootfs: true,
  };
  const { hostConfig, volumes } = limited(said, { ...defaults, readonlyRootfs: "never" }, NODE);
  assert.deepEqual(
    { ...hostConfig, PidsLimit: undefined, Tmpfs: undefined },
    { ...said, PidsLimit: undefined, Tmpfs: undefined },
  );
  assert(volumes !== undefined);
  const off: ContainerHardening = {
    noNewPrivileges: false,
    capDrop: [],
    pidsLimit: 0,
    readonlyRootfs: "never",
  };
  assert.deepEqual(limited({}, off, GOLANG), { hostConfig: {}, volumes: undefined });
  assert.equal(
    limited({}, { ...off, readonlyRootfs: "always" }, NODE).hostConfig.ReadonlyRootfs,
    true,
  );
});
