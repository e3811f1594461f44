"use strict";

const { Buffer } = require("node:buffer");
const { Contract } = require("fabric-contract-api");
const { ClientIdentity } = require("fabric-shim");

const collection = "prices";
/** Of Org1's members only. */
const notes = "notes";

/** All results of an iterator, closed in any case. */
async function drain(iterator, convert) {
  const results = [];
  try {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      results.push(convert(next.value));
    }
  } finally {
    await iterator.close();
  }
  return results;
}

const asset = ({ value }) => JSON.parse(value.toString());

/** Goods with owners. Each method is there for what SDK applications do with chaincode. */
class Market extends Contract {
  init() {}

  async create(context, id, owner, value) {
    const { stub } = context;
    if ((await stub.getState(id)).length > 0) throw new Error(`${id} exists already`);
    const bytes = Buffer.from(JSON.stringify({ id, owner, value: Number(value) }));
    await stub.putState(id, bytes);
    stub.setEvent("created", bytes);
    return bytes.toString();
  }

  async read({ stub }, id) {
    const bytes = await stub.getState(id);
    if (bytes.length === 0) throw new Error(`${id} does not exist`);
    return bytes.toString();
  }

  /** Reads and writes, so that two in one block conflict. */
  async add({ stub }, id, value) {
    const found = JSON.parse((await stub.getState(id)).toString());
    found.value += Number(value);
    await stub.putState(id, Buffer.from(JSON.stringify(found)));
    return String(found.value);
  }

  async remove({ stub }, id) {
    await stub.deleteState(id);
  }

  async range({ stub }, start, end) {
    return JSON.stringify(await drain(await stub.getStateByRange(start, end), asset));
  }

  async page({ stub }, start, end, size, bookmark) {
    const { iterator, metadata } = await stub.getStateByRangeWithPagination(
      start,
      end,
      Number(size),
      bookmark,
    );
    const assets = await drain(iterator, asset);
    return JSON.stringify({
      ids: assets.map(({ id }) => id),
      count: metadata.fetchedRecordsCount,
      bookmark: metadata.bookmark,
    });
  }

  async query({ stub }, selector) {
    return JSON.stringify(await drain(await stub.getQueryResult(selector), asset));
  }

  async queryPage({ stub }, selector, size, bookmark) {
    const { iterator, metadata } = await stub.getQueryResultWithPagination(
      selector,
      Number(size),
      bookmark,
    );
    const assets = await drain(iterator, asset);
    return JSON.stringify({ ids: assets.map(({ id }) => id), bookmark: metadata.bookmark });
  }

  async history({ stub }, id) {
    const changes = await drain(await stub.getHistoryForKey(id), (change) => ({
      txId: change.txId,
      isDelete: change.isDelete,
      value: change.value.toString(),
    }));
    return JSON.stringify(changes);
  }

  /** The price comes as transient data and never gets into a block. */
  async setPrice({ stub }, id) {
    const price = stub.getTransient().get("price");
    if (!price) throw new Error("no price in the transient data");
    await stub.putPrivateData(collection, id, Buffer.from(price));
    stub.setEvent("priced", Buffer.from(id));
  }

  async price({ stub }, id) {
    return (await stub.getPrivateData(collection, id)).toString();
  }

  async priceHash({ stub }, id) {
    return Buffer.from(await stub.getPrivateDataHash(collection, id)).toString("hex");
  }

  async setNote({ stub }, id) {
    await stub.putPrivateData(notes, id, Buffer.from(stub.getTransient().get("note")));
  }

  async note({ stub }, id) {
    return (await stub.getPrivateData(notes, id)).toString();
  }

  transient({ stub }) {
    const entries = [...stub.getTransient()].map(([key, value]) => [key, value.toString()]);
    return JSON.stringify(Object.fromEntries(entries));
  }

  /** What the chaincode sees of who called it. */
  whoami({ stub }, ...names) {
    const identity = new ClientIdentity(stub);
    return JSON.stringify({
      id: identity.getID(),
      mspId: identity.getMSPID(),
      attributes: Object.fromEntries(names.map((name) => [name, identity.getAttributeValue(name)])),
    });
  }

  /** For members with the right attribute only. */
  audit({ stub }) {
    const identity = new ClientIdentity(stub);
    if (!identity.assertAttributeValue("role", "auditor")) throw new Error("only for auditors");
    return identity.getAttributeValue("hf.EnrollmentID");
  }

  txId({ stub }) {
    return stub.getTxID();
  }
}

module.exports.contracts = [Market];
