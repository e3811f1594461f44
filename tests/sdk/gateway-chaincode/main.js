"use strict";

const { Buffer } = require("node:buffer");
const process = require("node:process");
const { KeyEndorsementPolicy, Shim } = require("fabric-shim");

/** Is the peer that runs this at such a port? Its own address is among the arguments. */
const runsAt = (port) => process.argv.some((argument) => argument.endsWith(`:${port}`));

const functions = {
  echo: (_, [text]) => Buffer.from(text),

  put: (stub, [key, value]) => stub.putState(key, Buffer.from(value)),

  get: (stub, [key]) => stub.getState(key),

  async event(stub, [name, payload]) {
    await stub.putState(`event-${name}`, Buffer.from(payload));
    stub.setEvent(name, Buffer.from(payload));
  },

  transient: (stub) =>
    Buffer.from(JSON.stringify(
      Object.fromEntries(
        [...stub.getTransient()].map((
          [key, value],
        ) => [key, Buffer.from(value).toString()]),
      ),
    )),

  fail(_, [message]) {
    throw new Error(message);
  },

  /** Fails at the peers with these chaincode ports. */
  async failAt(stub, [key, ...ports]) {
    if (ports.some(runsAt)) throw new Error("this peer refuses to endorse");
    await stub.putState(key, Buffer.from("endorsed"));
  },

  /** Reads, so that it depends on what was committed before, and writes. */
  async increment(stub, [key]) {
    const value = Number((await stub.getState(key)).toString() || "0") + 1;
    await stub.putState(key, Buffer.from(String(value)));
    return Buffer.from(String(value));
  },

  random: (stub) => stub.putState("random", Buffer.from(String(Math.random()))),

  crash: () => process.exit(99),

  never: () => new Promise(() => {}),

  /** The value is transient data; the collections are arguments. */
  async putPrivate(stub, [key, ...collections]) {
    const value = stub.getTransient().get("value");
    for (const collection of collections) {
      await stub.putPrivateData(collection, key, Buffer.from(value));
    }
  },

  async copyPrivate(stub, [key, from, to]) {
    await stub.putPrivateData(
      to,
      key,
      Buffer.from(await stub.getPrivateData(from, key)),
    );
  },

  getPrivate: (stub, [key, collection]) => stub.getPrivateData(collection, key),

  /** Checks a value of a collection that this peer need not be a member of. */
  async checkHash(stub, [key, collection]) {
    const hash = Buffer.from(await stub.getPrivateDataHash(collection, key))
      .toString("hex");
    await stub.putState(`hash-${key}`, Buffer.from(hash));
    return Buffer.from(hash);
  },

  /** From now on the key's writes need all these organisations, whatever the chaincode's policy. */
  async restrict(stub, [key, ...organizations]) {
    const policy = new KeyEndorsementPolicy();
    policy.addOrgs("MEMBER", ...organizations);
    await stub.setStateValidationParameter(key, policy.getPolicy());
  },

  async call(stub, [chaincode, ...args]) {
    const response = await stub.invokeChaincode(
      chaincode,
      args,
      stub.getChannelID(),
    );
    if (response.status >= 400) throw new Error(response.message);
    return response.payload;
  },
};

Shim.start({
  Init: () => Shim.success(),
  async Invoke(stub) {
    const { fcn, params } = stub.getFunctionAndParameters();
    try {
      if (!Object.hasOwn(functions, fcn)) {
        throw new Error(`there is no function ${fcn}`);
      }
      return Shim.success(
        await functions[fcn](stub, params) ?? Buffer.from(""),
      );
    } catch (error) {
      return Shim.error(error.message);
    }
  },
});
