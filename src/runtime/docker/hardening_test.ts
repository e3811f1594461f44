import assert from "node:assert/strict";
import type { ContainerHardening } from "../../config/types.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { builderHostConfig, limited } from "./hardening.ts";

const { GOLANG, NODE } = ChaincodeSpec_Type;
const defaults: ContainerHardening = {
  noNewPrivileges: true,
  capDrop: ["ALL"],
  pidsLimit: 1024,
  readonlyRootfs: "auto",
  builder: { capAdd: ["CHOWN"], memory: 1024, pidsLimit: 5, cpuShares: 512 },
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
    builder: { capAdd: [], memory: 0, pidsLimit: 0, cpuShares: 0 },
  };
  assert.deepEqual(limited({}, off, GOLANG), { hostConfig: {}, volumes: undefined });
  assert.equal(
    limited({}, { ...off, readonlyRootfs: "always" }, NODE).hostConfig.ReadonlyRootfs,
    true,
  );
});

Deno.test("a builder is limited too, and keeps what package managers need", () => {
  const place = { NetworkMode: "host", Binds: ["cache:/cache"] };
  assert.deepEqual(builderHostConfig(place, undefined), place);
  assert.deepEqual(builderHostConfig(place, defaults), {
    ...place,
    SecurityOpt: ["no-new-privileges"],
    CapDrop: ["ALL"],
    CapAdd: ["CHOWN"],
    Memory: 1024,
    PidsLimit: 5,
    CpuShares: 512,
  });
  const off: ContainerHardening = {
    noNewPrivileges: false,
    capDrop: [],
    pidsLimit: 0,
    readonlyRootfs: "never",
    builder: { capAdd: ["CHOWN"], memory: 0, pidsLimit: 0, cpuShares: 0 },
  };
  assert.deepEqual(builderHostConfig(place, off), place);
});
