import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DenimError } from "../base/errors.ts";
import { chaincodeEndpoint, localAddress } from "./addresses.ts";
import { clientConnection } from "./client-connection.ts";
import { expandImageName } from "./image-name.ts";
import { configOf, loadConfig } from "./load.ts";

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "denim-config-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

Deno.test("without a file the sample values hold and relative paths start at the working directory", async () => {
  await withFolder(async (folder) => {
    const config = await loadConfig({}, folder);
    assert.equal(config.filePath, undefined);
    const { peer, vm, chaincode, ledger } = config.peerConfig;
    assert.equal(peer.id, "jdoe");
    assert.equal(peer.mspConfigPath, join(folder, "msp"));
    assert.equal(peer.tls.certFile, join(folder, "tls/server.crt"));
    assert.equal(peer.tls.clientCertFile, join(folder, "tls/server.crt"));
    assert.equal(peer.authentication.timeWindowMs, 900_000);
    assert.equal(vm.docker.hostConfig.memory, 2147483648);
    assert.deepEqual(vm.docker.hostConfig.logConfig, {
      type: "json-file",
      config: { "max-size": "50m", "max-file": "5" },
    });
    assert.equal(chaincode.startupTimeoutMs, 300_000);
    assert.deepEqual(chaincode.system, ["cscc", "lscc", "escc", "vscc", "qscc"]);
    assert.equal(ledger.totalQueryLimit, 100_000);
  });
});

Deno.test("core.yaml overrides defaults, the environment overrides core.yaml, keys have no case", async () => {
  await withFolder(async (folder) => {
    const etc = join(folder, "etc");
    await mkdir(etc);
    await writeFile(
      join(etc, "core.yaml"),
      `
anchors: &a
  file: pki/ca.pem
Peer:
  ID: peer7
  listenAddress: 127.0.0.1:7061
  addressAutoDetect: yes
  mspConfigPath: mymsp
  tls:
    enabled: on
    rootcert: *a
    clientRootCAs:
      files: [one.pem, /two.pem]
chaincode:
  executetimeout: 500ms
  startuptimeout: 1s
  keepalive: 30
`,
    );
    const config = await loadConfig({
      FABRIC_CFG_PATH: "etc",
      CORE_PEER_LISTENADDRESS: "127.0.0.1:7071",
      CORE_PEER_NETWORKID: "",
      CORE_VM_DOCKER_HOSTCONFIG_NETWORKMODE: "net_x",
      CORE_PEER_GOSSIP_BOOTSTRAP: "a:1 b:2",
      FABRIC_LOGGING_SPEC: "debug",
    }, folder);
    assert.equal(config.filePath, join(etc, "core.yaml"));
    const { peer, vm, chaincode, logging } = config.peerConfig;
    assert.equal(peer.id, "peer7");
    assert.equal(peer.listenAddress, "127.0.0.1:7071");
    assert.equal(peer.networkId, "dev", "an empty variable counts as not set");
    assert.equal(peer.addressAutoDetect, true);
    assert.equal(peer.mspConfigPath, join(etc, "mymsp"));
    assert.equal(peer.tls.enabled, true);
    assert.equal(peer.tls.rootCertFile, join(etc, "pki/ca.pem"));
    assert.deepEqual(peer.tls.clientRootCaFiles, [join(etc, "one.pem"), "/two.pem"]);
    assert.equal(vm.docker.hostConfig.networkMode, "net_x");
    assert.deepEqual(peer.gossip.bootstrap, ["a:1", "b:2"]);
    assert.equal(chaincode.executeTimeoutMs, 30_000, "too short: Fabric's default");
    assert.equal(chaincode.startupTimeoutMs, 5_000, "too short: Fabric's minimum");
    assert.equal(chaincode.keepaliveMs, 30_000);
    assert.equal(logging.spec, "debug");
    assert.equal(config.get("peer.tls.CLIENTROOTCAS.files") instanceof Array, true);
  });
});

Deno.test("what containers may do is limited by default, and each limit can be set", async () => {
  await withFolder(async (folder) => {
    const hardening = async (environment: Record<string, string>) =>
      (await loadConfig(environment, folder)).peerConfig.vm.docker.hardening;
    assert.deepEqual(await hardening({}), {
      noNewPrivileges: true,
      capDrop: ["ALL"],
      pidsLimit: 1024,
      readonlyRootfs: "auto",
      builder: {
        capAdd: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID"],
        memory: 4 * 1024 * 1024 * 1024,
        pidsLimit: 4096,
        cpuShares: 512,
      },
    });
    const chosen = await hardening({
      CORE_VM_DOCKER_HARDENING_NONEWPRIVILEGES: "false",
      CORE_VM_DOCKER_HARDENING_READONLYROOTFS: "always",
      CORE_VM_DOCKER_HARDENING_BUILDER_MEMORY: "0",
      CORE_VM_DOCKER_HARDENING_BUILDER_PIDSLIMIT: "9",
      CORE_VM_DOCKER_HARDENING_BUILDER_CAPADD: "CHOWN SETUID",
    });
    assert.equal(chosen?.noNewPrivileges, false);
    assert.equal(chosen?.readonlyRootfs, "always");
    assert.deepEqual(chosen?.builder, {
      capAdd: ["CHOWN", "SETUID"],
      memory: 0,
      pidsLimit: 9,
      cpuShares: 512,
    });
  });
});

Deno.test("comments are no settings, but the text of a block scalar is", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "core.yaml");
    await writeFile(path, "# peer: {id: no}\npeer:\n   # id: no\n   id: yes1 # no\n");
    assert.equal((await loadConfig({}, folder)).get("peer.id"), "yes1");
    await writeFile(path, "peer:\n  id: |\n    # text\n    more\n");
    assert.equal((await loadConfig({}, folder)).get("peer.id"), "# text\nmore\n");
  });
});

Deno.test("a key that core.yaml leaves empty is not set", () => {
  const config = configOf({}, { path: "core.yaml", tree: { vm: { endpoint: null } } }, "/");
  assert.equal(config.peerConfig.vm.endpoint, "");
});

Deno.test("wrong values are refused with key, value and where they came from", () => {
  const cases: [Record<string, string>, RegExp][] = [
    [
      { CORE_PEER_ADDRESS: "nowhere" },
      /peer\.address is "nowhere" \(environment variable CORE_PEER_ADDRESS\)/,
    ],
    [{ CORE_PEER_ADDRESS: "h:99999" }, /must be host:port/],
    [{ CORE_CHAINCODE_EXECUTETIMEOUT: "soon" }, /chaincode\.executetimeout is "soon".*a duration/],
    [{ CORE_PEER_TLS_ENABLED: "maybe" }, /peer\.tls\.enabled is "maybe".*true or false/],
    [{ CORE_LEDGER_STATE_TOTALQUERYLIMIT: "1e3" }, /totalQueryLimit is "1e3".*a whole number/],
    [{ CORE_CHAINCODE_RUNTIME: "moon" }, /one of auto, docker, process/],
  ];
  for (const [env, expected] of cases) {
    assert.throws(() => configOf(env, undefined, "/").peerConfig, (error) => {
      assert.ok(error instanceof DenimError);
      assert.equal(error.code, "invalid-config");
      assert.match(error.message, expected);
      return true;
    });
  }
});

Deno.test("a FABRIC_CFG_PATH that does not exist or holds no core.yaml is an error", async () => {
  await withFolder(async (folder) => {
    await assert.rejects(
      loadConfig({ FABRIC_CFG_PATH: join(folder, "none") }, folder),
      /FABRIC_CFG_PATH .*none does not exist/,
    );
    await assert.rejects(
      loadConfig({ FABRIC_CFG_PATH: folder }, "/"),
      /Could not find config file\. .* contains core\.yaml/,
    );
  });
});

Deno.test("a core.yaml that is not YAML, or not a mapping, is an error that names it", async () => {
  await withFolder(async (folder) => {
    for (const broken of ["peer: [", "- a\n- b\n", "peer: {a: 1"]) {
      await writeFile(join(folder, "core.yaml"), broken);
      await assert.rejects(
        loadConfig({}, folder),
        (error) =>
          error instanceof DenimError && error.code === "invalid-config-file" &&
          error.message.includes(join(folder, "core.yaml")),
      );
    }
  });
});

Deno.test("flags replace settings without touching the original", () => {
  const config = configOf({ CORE_ORDERER_ADDRESS: "env:1" }, undefined, "/base");
  const flagged = config.with({ "orderer.address": "flag:2", "orderer.tls.rootcert.file": "ca" });
  assert.equal(clientConnection(config.raw, "orderer").address, "env:1");
  const connection = clientConnection(flagged.raw, "orderer");
  assert.equal(connection.address, "flag:2");
  assert.equal(connection.tls.rootCertFile, "/base/ca");
  assert.equal(connection.connTimeoutMs, 3_000);
});

Deno.test("image names are filled in as a 1.4.2 release does", () => {
  assert.equal(
    expandImageName("$(BASE_DOCKER_NS)/fabric-baseos:$(ARCH)-$(BASE_VERSION)", "x86_64"),
    "hyperledger/fabric-baseos:amd64-0.4.15",
  );
  assert.equal(
    expandImageName("$(DOCKER_NS)/fabric-javaenv:$(ARCH)-$(PROJECT_VERSION)", "aarch64"),
    "hyperledger/fabric-javaenv:arm64-1.4.2",
  );
  assert.equal(expandImageName("my/image:$(TAG)"), "my/image:$(TAG)");
});

Deno.test("addresses: 0.0.0.0 is never told to others", () => {
  const localIp = () => "10.0.0.9";
  assert.equal(
    localAddress({ address: "0.0.0.0:7051", addressAutoDetect: false }, localIp),
    "10.0.0.9:7051",
  );
  assert.equal(
    localAddress({ address: "p:7051", addressAutoDetect: true }, localIp),
    "10.0.0.9:7051",
  );
  assert.equal(localAddress({ address: "p:7051", addressAutoDetect: false }, localIp), "p:7051");
  const endpoint = (chaincodeAddress: string, chaincodeListenAddress: string, host: string) =>
    chaincodeEndpoint({ chaincodeAddress, chaincodeListenAddress }, host);
  assert.equal(endpoint("cc:1", "x:2", "p"), "cc:1");
  assert.equal(endpoint("", "x:2", "p"), "x:2");
  assert.equal(endpoint("", "0.0.0.0:2", "p"), "p:2");
  assert.equal(endpoint("", "", "p"), "p:7052");
  assert.throws(() => endpoint("0.0.0.0:1", "", "p"), /invalid endpoint for chaincode to connect/);
  assert.throws(() => endpoint("", "0.0.0.0:2", "::"), /invalid endpoint for chaincode to connect/);
});
