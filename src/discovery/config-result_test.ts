import assert from "node:assert/strict";
import { clone, create, toBinary } from "@bufbuild/protobuf";
import { OrdererAddressesSchema } from "../gen/common/configuration_pb.ts";
import {
  type Config,
  type ConfigGroup,
  ConfigSchema,
  ConfigValueSchema$,
} from "../gen/common/configtx_pb.ts";
import { MSPConfigSchema } from "../gen/msp/msp_config_pb.ts";
import { configResult } from "./config-result.ts";
import { recordedBundle } from "./testing-peers.ts";

const { config } = recordedBundle.configTxValidator;

/** The recorded configuration with a change. */
function withChange(change: (root: ConfigGroup, orderer: ConfigGroup) => void): Config {
  const copy = clone(ConfigSchema, config);
  const root = copy.channelGroup!;
  change(
    root,
    root.groups.Orderer.groups.OrdererOrg ?? Object.values(root.groups.Orderer.groups)[0],
  );
  return copy;
}

const addresses = (...list: string[]) =>
  create(ConfigValueSchema$, {
    value: toBinary(OrdererAddressesSchema, create(OrdererAddressesSchema, { addresses: list })),
  });

const orderersOf = (changed: Config) =>
  Object.entries(configResult(changed).orderers).map(([mspId, { endpoint }]) => [
    mspId,
    ...endpoint.map(({ host, port }) => `${host} ${port}`),
  ]);

Deno.test("orderer organisations have the channel's addresses, or their own where any has", () => {
  assert.deepEqual(orderersOf(config), [["OrdererMSP", "127.0.0.1 7050"]]);
  const own = withChange((_, org) =>
    void (org.values.Endpoints = addresses("a:1", "[::1]:2", "bad"))
  );
  assert.deepEqual(orderersOf(own), [["OrdererMSP", "a 1", "::1 2"]]);
  const none = withChange((_, org) => void (org.values.Endpoints = addresses()));
  assert.deepEqual(orderersOf(none), [["OrdererMSP", "127.0.0.1 7050"]]);
});

Deno.test("a channel without addresses of its own is told of, too", () => {
  assert.deepEqual(
    orderersOf(withChange((root) => void delete root.values.OrdererAddresses)),
    [["OrdererMSP"]],
  );
});

Deno.test("addresses of the channel that cannot be read spoil the answer, as in Fabric", () => {
  for (const bad of ["nowhere", "a:b", "a:1:2", "a:99999999999", "[a:1", ":", ""]) {
    const changed = withChange((root) => void (root.values.OrdererAddresses = addresses(bad)));
    assert.throws(() => configResult(changed), /failed parsing orderer endpoint/, bad);
  }
});

Deno.test("organisations without an X.509 MSP are left out, broken ones are an error", () => {
  const withMsp = (value: Uint8Array) =>
    withChange((_, org) => void (org.values.MSP = create(ConfigValueSchema$, { value })));
  const idemix = toBinary(MSPConfigSchema, create(MSPConfigSchema, { type: 1 }));
  assert.deepEqual(Object.keys(configResult(withMsp(idemix)).msps).sort(), ["Org1MSP", "Org2MSP"]);
  const without = withChange((_, org) => void delete org.values.MSP);
  assert.deepEqual(orderersOf(without), []);
  assert.throws(() => configResult(withMsp(Uint8Array.of(0xff))), /error unmarshaling/);
  for (const group of ["Application", "Orderer"]) {
    const lacking = withChange((root) => void delete root.groups[group]);
    assert.throws(() => configResult(lacking), /config envelope is invalid/);
  }
  assert.throws(() => configResult(create(ConfigSchema)), /config envelope is invalid/);
});
