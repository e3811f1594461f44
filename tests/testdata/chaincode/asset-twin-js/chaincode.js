/**
 * The chaincode of the recording (testdata/golden/chaincode/assetcc) for fabric-shim: the same
 * functions, the same calls in the same order, the same answers.
 */
"use strict";

const { Shim } = require("fabric-shim");

const utf8 = (text) => Buffer.from(text, "utf8");
const nothing = Buffer.alloc(0);

/** json.Marshal: no spaces; <, >, & and the line separators escaped. */
function goJson(value) {
  return utf8(
    JSON.stringify(value).replace(
      /[<>&\u2028\u2029]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
  );
}

/** strconv.Atoi, with its error or a fallback in its place. */
function atoi(digits, fallback) {
  if (/^[+-]?[0-9]+$/.test(digits) && Number.isSafeInteger(Number(digits))) return Number(digits);
  if (fallback !== undefined) return fallback;
  throw new Error(`strconv.Atoi: parsing ${JSON.stringify(digits)}: invalid syntax`);
}

const assetJson = ({ id, owner, value }) => goJson({ id, owner, value });
const ownerKey = (s, { owner, id }) => s.createCompositeKey("owner~id", [owner, id]);

async function load(s, id) {
  const stored = await s.getState(id);
  if (stored.length === 0) throw new Error(`asset ${id} not found`);
  return JSON.parse(stored.toString());
}

async function store(s, asset) {
  const bytes = assetJson(asset);
  await s.putState(asset.id, bytes);
  return bytes;
}

/** Some calls of the shim give the iterator, some an object around it. */
async function collect(promise) {
  const result = await promise;
  const iterator = result.iterator ?? result;
  const items = [];
  try {
    for (let step = await iterator.next(); !step.done; step = await iterator.next()) {
      items.push(step.value);
    }
  } finally {
    await iterator.close();
  }
  return items;
}

async function drain(promise) {
  const items = await collect(promise);
  return goJson(
    items.map(({ key, value }) => ({ key: key.replaceAll("\0", "|"), value: value.toString() })),
  );
}

const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >> 7)]);
const delimited = (field, content) => [
  ...varint((field << 3) | 2),
  ...varint(content.length),
  ...content,
];

/** SignaturePolicyEnvelope: every one of these organisations, by a member. */
function allOf(orgs) {
  const rules = [8, ...varint(orgs.length)];
  const identities = [];
  orgs.forEach((org, i) => {
    rules.push(...delimited(2, [8, ...varint(i)]));
    identities.push(...delimited(3, delimited(2, delimited(1, [...utf8(org)]))));
  });
  return Buffer.from([...delimited(2, delimited(2, rules)), ...identities]);
}

/** The shim throws where Go's shim gives a response with the peer's text as its payload. */
async function call(s, [name, channel, ...args]) {
  const response = await s.invokeChaincode(name, args, channel)
    .catch((error) => ({ status: 500, message: "", payload: utf8(error.message) }));
  if (response.status !== 200) {
    throw new Error(`call said ${response.status}: ${response.message}`);
  }
  return response.payload;
}

function historyLine({ txId, value, timestamp: { seconds, nanos }, isDelete }) {
  return `${txId} ${seconds}.${String(nanos).padStart(9, "0")} ${isDelete} ${value.toString()}`;
}

/** What needs no value, as Go's `return nil, …`. */
const silent = (act) => async (s, a) => {
  await act(s, a);
  return nothing;
};

/** Least number of arguments, and what to do. */
const functions = {
  get: [1, (s, [key]) => s.getState(key)],
  put: [2, silent((s, [key, value]) => s.putState(key, utf8(value)))],
  bump: [2, async (s, [key, value]) => {
    const old = await s.getState(key);
    await s.putState(key, utf8(value));
    return old;
  }],
  del: [1, silent((s, [key]) => s.deleteState(key))],
  putmany: [3, async (s, [prefix, count, value]) => {
    for (let i = 0; i < atoi(count, 0); i++) {
      await s.putState(`${prefix}${String(i).padStart(4, "0")}`, utf8(value));
    }
    return utf8(count);
  }],
  seq: [1, async (s, [key]) => {
    await s.putState(key, utf8("first"));
    const seen = await s.getState(key);
    await s.deleteState(key);
    await s.putState(key, utf8("last"));
    return Buffer.concat([utf8("saw:"), seen]);
  }],
  putdel: [1, silent(async (s, [key]) => {
    await s.putState(key, utf8("x"));
    await s.deleteState(key);
  })],
  create: [3, async (s, [id, owner, value]) => {
    if ((await s.getState(id)).length > 0) throw new Error(`asset ${id} exists`);
    const asset = { id, owner, value: atoi(value) };
    const bytes = await store(s, asset);
    await s.putState(ownerKey(s, asset), Buffer.of(0));
    s.setEvent("created", bytes);
    return bytes;
  }],
  read: [1, async (s, [id]) => assetJson(await load(s, id))],
  update: [2, async (s, [id, value]) => {
    const asset = await load(s, id);
    return await store(s, { ...asset, value: atoi(value) });
  }],
  transfer: [2, async (s, [id, owner]) => {
    const asset = await load(s, id);
    await s.deleteState(ownerKey(s, asset));
    asset.owner = owner;
    await s.putState(ownerKey(s, asset), Buffer.of(0));
    return await store(s, asset);
  }],
  delete: [1, silent(async (s, [id]) => {
    const asset = await load(s, id);
    await s.deleteState(ownerKey(s, asset));
    await s.deleteState(id);
  })],
  range: [2, (s, [from, to]) => drain(s.getStateByRange(from, to))],
  rangepage: [4, async (s, [from, to, size, bookmark]) => {
    const page = await s.getStateByRangeWithPagination(from, to, atoi(size, 0), bookmark);
    const { fetchedRecordsCount, bookmark: next } = page.metadata;
    return utf8(`${fetchedRecordsCount} ${next} ${await drain(page)}`);
  }],
  rangefirst: [2, async (s, [from, to]) => {
    const iterator = await s.getStateByRange(from, to);
    try {
      const first = await iterator.next();
      return first.done ? nothing : utf8(first.value.key);
    } finally {
      await iterator.close();
    }
  }],
  byowner: [1, (s, [owner]) => drain(s.getStateByPartialCompositeKey("owner~id", [owner]))],
  rangeput: [4, async (s, [from, to, key, value]) => {
    const found = await drain(s.getStateByRange(from, to));
    await s.putState(key, utf8(value));
    return found;
  }],
  richquery: [1, (s, [query]) => drain(s.getQueryResult(query))],
  history: [
    1,
    async (s, [key]) => goJson((await collect(s.getHistoryForKey(key))).map(historyLine)),
  ],
  event: [2, (s, [name, payload]) => {
    s.setEvent(name, utf8(payload));
    return utf8(name);
  }],
  event2: [2, silent((s, [name, payload]) => {
    s.setEvent("first", utf8("gone"));
    s.setEvent(name, utf8(payload));
  })],
  call: [3, call],
  callput: [5, async (s, [key, value, ...rest]) => {
    await s.putState(key, utf8(value));
    return await call(s, rest);
  }],
  pvtput: [3, silent((s, [coll, key, value]) => s.putPrivateData(coll, key, utf8(value)))],
  pvtputt: [2, silent((s, [coll, key]) =>
    s.putPrivateData(coll, key, s.getTransient().get("value") ?? nothing))],
  pvtbump: [3, async (s, [coll, key, value]) => {
    const old = await s.getPrivateData(coll, key);
    await s.putPrivateData(coll, key, utf8(value));
    return old;
  }],
  pvtget: [2, (s, [coll, key]) => s.getPrivateData(coll, key)],
  pvtdel: [2, silent((s, [coll, key]) => s.deletePrivateData(coll, key))],
  pvtrange: [3, (s, [coll, from, to]) => drain(s.getPrivateDataByRange(coll, from, to))],
  pvthash: [
    2,
    async (s, [coll, key]) => utf8((await s.getPrivateDataHash(coll, key)).toString("hex")),
  ],
  sbe: [2, silent((s, [key, ...orgs]) => s.setStateValidationParameter(key, allOf(orgs)))],
  sbeput: [3, silent(async (s, [key, value, ...orgs]) => {
    await s.putState(key, utf8(value));
    await s.setStateValidationParameter(key, allOf(orgs));
  })],
  sbeget: [1, async (s, [key]) => {
    const policy = await s.getStateValidationParameter(key);
    return utf8(Buffer.from(policy ?? nothing).toString("hex"));
  }],
  sbeclear: [1, silent((s, [key]) => s.setStateValidationParameter(key, nothing))],
  pvtsbe: [3, silent((s, [coll, key, ...orgs]) =>
    s.setPrivateDataValidationParameter(coll, key, allOf(orgs)))],
  info: [0, (s) => {
    const { seconds, nanos } = s.getTxTimestamp();
    const { creator_u8: creator } = s.getSignedProposal().proposal.header.signatureHeader;
    const args = s.getStringArgs().map((arg) => JSON.stringify(arg)).join(" ");
    return utf8(
      `channel=${s.getChannelID()} txid=${s.getTxID()} ` +
        `creator=${Buffer.from(creator).toString("hex")} binding=${s.getBinding()} ` +
        `ts=${seconds}.${nanos} transient=${s.getTransient().size} decorations=0 args=[${args}]`,
    );
  }],
  fail: [1, (_, [message]) => {
    throw new Error(message);
  }],
  sleep: [1, async (_, [ms]) => {
    await new Promise((resolve) => setTimeout(resolve, atoi(ms, 0)));
    return utf8("slept");
  }],
  echo: [1, (_, [text]) => utf8(text)],
};

class AssetTwin {
  async Init(s) {
    const { params } = s.getFunctionAndParameters();
    try {
      if (params.length > 0) await s.putState("ccversion", utf8(params[0]));
      for (let i = 1; i + 1 < params.length; i += 2) {
        await s.putState(params[i], utf8(params[i + 1]));
      }
      return Shim.success(utf8(`init ${params.join(",")}`));
    } catch (error) {
      return Shim.error(error.message);
    }
  }

  async Invoke(s) {
    const { fcn, params } = s.getFunctionAndParameters();
    if (fcn === "panic") {
      console.error("panic: asked to panic");
      process.exit(2);
    }
    try {
      if (fcn === "status" && params.length === 3) {
        const [status, message, payload] = params;
        await s.putState("status-was", utf8(status));
        return { status: atoi(status, 0), message, payload: utf8(payload) };
      }
      if (!Object.hasOwn(functions, fcn)) return Shim.error(`unknown function ${fcn}`);
      const [least, run] = functions[fcn];
      if (params.length < least) {
        return Shim.error(`${fcn} wants ${least} arguments, got ${params.length}`);
      }
      return Shim.success(await run(s, params));
    } catch (error) {
      return Shim.error(error.message);
    }
  }
}

Shim.start(new AssetTwin());
