"use strict";

const { Shim } = require("fabric-shim");
const { version } = require("./package.json");

/** Throws unless there are exactly as many arguments as names. */
function expect(args, ...names) {
  if (args.length !== names.length || args[0] === "") {
    throw new Error(`expected arguments: ${names.join(", ") || "none"}`);
  }
  return args;
}

/** A whole number that is not negative. */
function number(text) {
  if (!/^[0-9]{1,15}$/.test(text)) {
    throw new Error(`value must be a whole number, got "${text}"`);
  }
  return Number(text);
}

async function load(stub, id) {
  const bytes = await stub.getState(id);
  if (bytes.length === 0) throw new Error(`asset ${id} does not exist`);
  return JSON.parse(bytes.toString());
}

async function store(stub, asset) {
  // Every endorser must write the same bytes: keys always in the same order.
  const { id, owner, value } = asset;
  const bytes = Buffer.from(JSON.stringify({ id, owner, value }));
  await stub.putState(id, bytes);
  return bytes;
}

/** All results of an iterator, closed in any case. */
async function drain(iterator, convert) {
  const results = [];
  try {
    for (
      let next = await iterator.next();
      !next.done;
      next = await iterator.next()
    ) {
      results.push(convert(next.value));
    }
  } finally {
    await iterator.close();
  }
  return results;
}

const transactions = {
  /** create ID OWNER VALUE */
  async create(stub, args) {
    const [id, owner, value] = expect(args, "id", "owner", "value");
    if ((await stub.getState(id)).length > 0) {
      throw new Error(`asset ${id} already exists`);
    }
    const bytes = await store(stub, { id, owner, value: number(value) });
    stub.setEvent("created", bytes);
    return bytes;
  },

  /** read ID */
  async read(stub, args) {
    const [id] = expect(args, "id");
    return await load(stub, id);
  },

  /** update ID VALUE */
  async update(stub, args) {
    const [id, value] = expect(args, "id", "value");
    return await store(stub, { ...await load(stub, id), value: number(value) });
  },

  /** transfer ID OWNER */
  async transfer(stub, args) {
    const [id, owner] = expect(args, "id", "owner");
    const bytes = await store(stub, { ...await load(stub, id), owner });
    stub.setEvent("transferred", bytes);
    return bytes;
  },

  /** delete ID */
  async delete(stub, args) {
    const [id] = expect(args, "id");
    await load(stub, id);
    await stub.deleteState(id);
  },

  /** list [FROM TO [PAGE_SIZE BOOKMARK]]: assets of a key range, a page at a time (a query). */
  async list(stub, [from = "", to = "", pageSize, bookmark = ""]) {
    const asset = (result) => JSON.parse(result.value.toString());
    if (pageSize === undefined) {
      return await drain(await stub.getStateByRange(from, to), asset);
    }
    const page = await stub.getStateByRangeWithPagination(
      from,
      to,
      number(pageSize),
      bookmark,
    );
    return {
      assets: await drain(page.iterator, asset),
      bookmark: page.metadata.bookmark,
    };
  },

  /** history ID: every value the asset has had. */
  async history(stub, args) {
    const [id] = expect(args, "id");
    return await drain(await stub.getHistoryForKey(id), (change) => ({
      txId: change.txId,
      deleted: change.isDelete,
      asset: change.isDelete ? null : JSON.parse(change.value.toString()),
    }));
  },

  /** version: of this chaincode's code. After an upgrade it differs. */
  version() {
    return { version };
  },
};

class AssetChaincode {
  /** Optional arguments: ID OWNER VALUE, repeated, are assets to begin with. */
  async Init(stub) {
    try {
      const { params } = stub.getFunctionAndParameters();
      for (let i = 0; i < params.length; i += 3) {
        await transactions.create(stub, params.slice(i, i + 3));
      }
      return Shim.success(Buffer.from(`version ${version}`));
    } catch (error) {
      return Shim.error(error.message);
    }
  }

  async Invoke(stub) {
    const { fcn, params } = stub.getFunctionAndParameters();
    try {
      if (!Object.hasOwn(transactions, fcn)) {
        throw new Error(`unknown function "${fcn}"`);
      }
      const result = await transactions[fcn](stub, params);
      return Shim.success(
        Buffer.isBuffer(result) ? result : Buffer.from(result ? JSON.stringify(result) : ""),
      );
    } catch (error) {
      return Shim.error(error.message);
    }
  }
}

Shim.start(new AssetChaincode());
