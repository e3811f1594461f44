import assert from "node:assert/strict";
import { configOf } from "../config/load.ts";
import {
  actingOrganization,
  organizationEnvironment,
  withNetworkSettings,
} from "./network-settings.ts";
import type { RunningNetwork } from "./running-network.ts";

const organization = (n: number) => ({
  mspId: `Org${n}MSP`,
  name: `Org${n}MSP`,
  peerAddress: `localhost:${n}7051`,
  adminMspPath: `/net/org${n}/msp`,
  tlsRootCertFile: `/net/org${n}/tls.pem`,
});

const network: RunningNetwork = {
  format: 1,
  pid: 1,
  startTime: "",
  directory: "/net",
  channelId: "mychannel",
  ordererAddress: "localhost:7050",
  ordererTlsRootCertFile: "/net/orderer.pem",
  organizations: [organization(1), organization(2)],
};

const settingsOf = (environment: Record<string, string>) => {
  const config = configOf(environment, undefined, "/here");
  const { raw } = withNetworkSettings(config, network, environment);
  return {
    address: raw.string("peer.address"),
    mspId: raw.string("peer.localMspId"),
    mspPath: raw.path("peer.mspConfigPath"),
    tls: raw.boolean("peer.tls.enabled"),
    root: raw.path("peer.tls.rootcert.file"),
  };
};

Deno.test("a client acts for the first organisation, or for the one its environment names", () => {
  assert.equal(actingOrganization(network, {}).mspId, "Org1MSP");
  assert.equal(actingOrganization(network, { CORE_PEER_LOCALMSPID: "Org2MSP" }).mspId, "Org2MSP");
  assert.equal(actingOrganization(network, { CORE_PEER_LOCALMSPID: "Other" }).mspId, "Org1MSP");
  assert.deepEqual(settingsOf({}), {
    address: "localhost:17051",
    mspId: "Org1MSP",
    mspPath: "/net/org1/msp",
    tls: true,
    root: "/net/org1/tls.pem",
  });
  assert.equal(settingsOf({ CORE_PEER_LOCALMSPID: "Org2MSP" }).address, "localhost:27051");
});

Deno.test("what the environment sets stays", () => {
  const { address, mspPath, tls } = settingsOf({
    CORE_PEER_ADDRESS: "elsewhere:1",
    CORE_PEER_MSPCONFIGPATH: "/mine",
  });
  assert.equal(address, "elsewhere:1");
  assert.equal(mspPath, "/mine");
  assert.equal(tls, true);
});

Deno.test("the printed environment leads a client to the same settings", () => {
  const environment = organizationEnvironment(network, network.organizations[1]);
  assert.equal(environment.FABRIC_CFG_PATH, "/net/config");
  assert.equal(environment.ORDERER_ADDRESS, "localhost:7050");
  const { raw } = configOf(environment, undefined, "/here");
  assert.equal(raw.string("peer.address"), "localhost:27051");
  assert.equal(raw.string("peer.localMspId"), "Org2MSP");
  assert.equal(raw.path("peer.mspConfigPath"), "/net/org2/msp");
  assert.equal(raw.boolean("peer.tls.enabled"), true);
  assert.equal(raw.path("peer.tls.rootcert.file"), "/net/org2/tls.pem");
});
