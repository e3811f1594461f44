/**
 * The chaincode of the recording (testdata/golden/chaincode/assetcc) once more in TypeScript: same
 * functions, same calls in the same order, same answers. It talks to any stub that has these
 * methods, at once or by promise.
 */
import { hex, text, utf8 } from "../../src/base/bytes.ts";
import { messageOf } from "../../src/base/errors.ts";
import { goJson, goQuote, parseGoInt } from "./go-text.ts";

type Eventually<T> = T | Promise<T>;
export type Bytes = Uint8Array;

export interface TwinKeyValue {
  key: string;
  value: Bytes;
}

export interface TwinModification {
  txId: string;
  value: Bytes;
  seconds: bigint;
  nanos: number;
  isDelete: boolean;
}

/** Undefined at the end. */
export interface TwinIterator<T> {
  next(): Eventually<T | undefined>;
  close(): Eventually<void>;
}

export interface TwinResponse {
  status: number;
  message: string;
  payload: Bytes;
}

/** What the Go shim's stub offers, as far as the chaincode uses it. Absent values are empty arrays. */
export interface TwinStub {
  readonly args: readonly Bytes[];
  readonly channelId: string;
  readonly txId: string;
  readonly creator: Bytes;
  readonly binding: Bytes;
  readonly timestamp: { seconds: bigint; nanos: number };
  readonly transient: ReadonlyMap<string, Bytes>;
  getState(key: string): Eventually<Bytes>;
  putState(key: string, value: Bytes): Eventually<void>;
  deleteState(key: string): Eventually<void>;
  createCompositeKey(objectType: string, attributes: string[]): string;
  getStateByRange(start: string, end: string): Eventually<TwinIterator<TwinKeyValue>>;
  getStateByRangeWithPagination(
    start: string,
    end: string,
    pageSize: number,
    bookmark: string,
  ): Eventually<{ iterator: TwinIterator<TwinKeyValue>; fetched: number; bookmark: string }>;
  getStateByPartialCompositeKey(
    objectType: string,
    attributes: string[],
  ): Eventually<TwinIterator<TwinKeyValue>>;
  getQueryResult(query: string): Eventually<TwinIterator<TwinKeyValue>>;
  getHistoryForKey(key: string): Eventually<TwinIterator<TwinModification>>;
  setEvent(name: string, payload: Bytes): void;
  invokeChaincode(name: string, args: Bytes[], channel: string): Eventually<TwinResponse>;
  putPrivateData(collection: string, key: string, value: Bytes): Eventually<void>;
  getPrivateData(collection: string, key: string): Eventually<Bytes>;
  deletePrivateData(collection: string, key: string): Eventually<void>;
  getPrivateDataByRange(
    collection: string,
    start: string,
    end: string,
  ): Eventually<TwinIterator<TwinKeyValue>>;
  getPrivateDataHash(collection: string, key: string): Eventually<Bytes>;
  setStateValidationParameter(key: string, policy: Bytes): Eventually<void>;
  getStateValidationParameter(key: string): Eventually<Bytes>;
  setPrivateDataValidationParameter(
    collection: string,
    key: string,
    policy: Bytes,
  ): Eventually<void>;
}

interface Asset {
  id: string;
  owner: string;
  value: number;
}

const nothing = new Uint8Array(0);

async function load(s: TwinStub, id: string): Promise<Asset> {
  const stored = await s.getState(id);
  if (stored.length === 0) throw new Error(`asset ${id} not found`);
  return JSON.parse(text(stored));
}

const assetJson = ({ id, owner, value }: Asset) => utf8(goJson({ id, owner, value }));

async function store(s: TwinStub, asset: Asset): Promise<Bytes> {
  const bytes = assetJson(asset);
  await s.putState(asset.id, bytes);
  return bytes;
}

const ownerKey = (s: TwinStub, { owner, id }: Asset) =>
  s.createCompositeKey("owner~id", [owner, id]);

async function collect<T>(iterator: TwinIterator<T>): Promise<T[]> {
  const items: T[] = [];
  try {
    for (let item = await iterator.next(); item !== undefined; item = await iterator.next()) {
      items.push(item);
    }
  } finally {
    await iterator.close();
  }
  return items;
}

async function drain(iterator: TwinIterator<TwinKeyValue>): Promise<Bytes> {
  const items = await collect(iterator);
  return utf8(
    goJson(items.map(({ key, value }) => ({ key: key.replaceAll("\0", "|"), value: text(value) }))),
  );
}

function varint(n: number): number[] {
  return n < 128 ? [n] : [(n & 127) | 128, ...varint(n >> 7)];
}

function delimited(field: number, content: readonly number[]): number[] {
  return [...varint(field << 3 | 2), ...varint(content.length), ...content];
}

/** SignaturePolicyEnvelope: every one of these organisations, by a member. */
export function allOf(orgs: readonly string[]): Bytes {
  const rules = [8, ...varint(orgs.length)];
  const identities: number[] = [];
  orgs.forEach((org, i) => {
    rules.push(...delimited(2, [8, ...varint(i)]));
    identities.push(...delimited(3, delimited(2, delimited(1, [...utf8(org)]))));
  });
  return Uint8Array.from([...delimited(2, delimited(2, rules)), ...identities]);
}

function historyLine({ txId, value, seconds, nanos, isDelete }: TwinModification): string {
  return `${txId} ${seconds}.${String(nanos).padStart(9, "0")} ${isDelete} ${text(value)}`;
}

type Run = (s: TwinStub, a: string[]) => Promise<Bytes>;

async function call(s: TwinStub, a: string[]): Promise<Bytes> {
  const response = await s.invokeChaincode(a[0], a.slice(2).map(utf8), a[1]);
  if (response.status !== 200) {
    throw new Error(`call said ${response.status}: ${response.message}`);
  }
  return response.payload;
}

/** Least number of arguments, and what to do. */
const functions: Record<string, [number, Run]> = {
  get: [1, async (s, a) => await s.getState(a[0])],
  put: [2, async (s, a) => {
    await s.putState(a[0], utf8(a[1]));
    return nothing;
  }],
  bump: [2, async (s, a) => {
    const old = await s.getState(a[0]);
    await s.putState(a[0], utf8(a[1]));
    return old;
  }],
  del: [1, async (s, a) => {
    await s.deleteState(a[0]);
    return nothing;
  }],
  putmany: [3, async (s, a) => {
    const count = parseGoInt(a[1], 0);
    for (let i = 0; i < count; i++) {
      await s.putState(`${a[0]}${String(i).padStart(4, "0")}`, utf8(a[2]));
    }
    return utf8(a[1]);
  }],
  seq: [1, async (s, a) => {
    await s.putState(a[0], utf8("first"));
    const seen = await s.getState(a[0]);
    await s.deleteState(a[0]);
    await s.putState(a[0], utf8("last"));
    return Uint8Array.from([...utf8("saw:"), ...seen]);
  }],
  putdel: [1, async (s, a) => {
    await s.putState(a[0], utf8("x"));
    await s.deleteState(a[0]);
    return nothing;
  }],
  create: [3, async (s, a) => {
    if ((await s.getState(a[0])).length > 0) throw new Error(`asset ${a[0]} exists`);
    const asset = { id: a[0], owner: a[1], value: parseGoInt(a[2]) };
    const bytes = await store(s, asset);
    await s.putState(ownerKey(s, asset), Uint8Array.of(0));
    s.setEvent("created", bytes);
    return bytes;
  }],
  read: [1, async (s, a) => assetJson(await load(s, a[0]))],
  update: [2, async (s, a) => {
    const asset = await load(s, a[0]);
    asset.value = parseGoInt(a[1]);
    return await store(s, asset);
  }],
  transfer: [2, async (s, a) => {
    const asset = await load(s, a[0]);
    await s.deleteState(ownerKey(s, asset));
    asset.owner = a[1];
    await s.putState(ownerKey(s, asset), Uint8Array.of(0));
    return await store(s, asset);
  }],
  delete: [1, async (s, a) => {
    const asset = await load(s, a[0]);
    await s.deleteState(ownerKey(s, asset));
    await s.deleteState(a[0]);
    return nothing;
  }],
  range: [2, async (s, a) => drain(await s.getStateByRange(a[0], a[1]))],
  rangepage: [4, async (s, a) => {
    const size = parseGoInt(a[2], 0);
    const page = await s.getStateByRangeWithPagination(a[0], a[1], size, a[3]);
    return utf8(`${page.fetched} ${page.bookmark} ${text(await drain(page.iterator))}`);
  }],
  rangefirst: [2, async (s, a) => {
    const iterator = await s.getStateByRange(a[0], a[1]);
    try {
      const first = await iterator.next();
      return first === undefined ? nothing : utf8(first.key);
    } finally {
      await iterator.close();
    }
  }],
  byowner: [
    1,
    async (s, a) => drain(await s.getStateByPartialCompositeKey("owner~id", a.slice(0, 1))),
  ],
  rangeput: [4, async (s, a) => {
    const found = await drain(await s.getStateByRange(a[0], a[1]));
    await s.putState(a[2], utf8(a[3]));
    return found;
  }],
  richquery: [1, async (s, a) => drain(await s.getQueryResult(a[0]))],
  history: [1, async (s, a) => {
    const items = await collect(await s.getHistoryForKey(a[0]));
    return utf8(goJson(items.map(historyLine)));
  }],
  event: [2, (s, a) => {
    s.setEvent(a[0], utf8(a[1]));
    return Promise.resolve(utf8(a[0]));
  }],
  event2: [2, (s, a) => {
    s.setEvent("first", utf8("gone"));
    s.setEvent(a[0], utf8(a[1]));
    return Promise.resolve(nothing);
  }],
  call: [3, call],
  callput: [5, async (s, a) => {
    await s.putState(a[0], utf8(a[1]));
    return await call(s, a.slice(2));
  }],
  pvtput: [3, async (s, a) => {
    await s.putPrivateData(a[0], a[1], utf8(a[2]));
    return nothing;
  }],
  pvtputt: [2, async (s, a) => {
    await s.putPrivateData(a[0], a[1], s.transient.get("value") ?? nothing);
    return nothing;
  }],
  pvtbump: [3, async (s, a) => {
    const old = await s.getPrivateData(a[0], a[1]);
    await s.putPrivateData(a[0], a[1], utf8(a[2]));
    return old;
  }],
  pvtget: [2, async (s, a) => await s.getPrivateData(a[0], a[1])],
  pvtdel: [2, async (s, a) => {
    await s.deletePrivateData(a[0], a[1]);
    return nothing;
  }],
  pvtrange: [3, async (s, a) => drain(await s.getPrivateDataByRange(a[0], a[1], a[2]))],
  pvthash: [2, async (s, a) => utf8(hex(await s.getPrivateDataHash(a[0], a[1])))],
  sbe: [2, async (s, a) => {
    await s.setStateValidationParameter(a[0], allOf(a.slice(1)));
    return nothing;
  }],
  sbeput: [3, async (s, a) => {
    await s.putState(a[0], utf8(a[1]));
    await s.setStateValidationParameter(a[0], allOf(a.slice(2)));
    return nothing;
  }],
  sbeget: [1, async (s, a) => utf8(hex(await s.getStateValidationParameter(a[0])))],
  sbeclear: [1, async (s, a) => {
    await s.setStateValidationParameter(a[0], nothing);
    return nothing;
  }],
  pvtsbe: [3, async (s, a) => {
    await s.setPrivateDataValidationParameter(a[0], a[1], allOf(a.slice(2)));
    return nothing;
  }],
  info: [0, (s) => {
    const { seconds, nanos } = s.timestamp;
    const args = s.args.map((arg) => goQuote(text(arg))).join(" ");
    return Promise.resolve(utf8(
      `channel=${s.channelId} txid=${s.txId} creator=${hex(s.creator)} binding=${hex(s.binding)} ` +
        `ts=${seconds}.${nanos} transient=${s.transient.size} decorations=0 args=[${args}]`,
    ));
  }],
  fail: [1, (_, a) => Promise.reject(new Error(a[0]))],
  echo: [1, (_, a) => Promise.resolve(utf8(a[0]))],
};

const failed = (message: string): TwinResponse => ({ status: 500, message, payload: nothing });

/** The chaincode's Init. */
export async function assetInit(s: TwinStub): Promise<TwinResponse> {
  const a = s.args.slice(1).map(text);
  try {
    if (a.length > 0) await s.putState("ccversion", utf8(a[0]));
    for (let i = 1; i + 1 < a.length; i += 2) await s.putState(a[i], utf8(a[i + 1]));
  } catch (thrown) {
    return failed(messageOf(thrown));
  }
  return { status: 200, message: "", payload: utf8(`init ${a.join(",")}`) };
}

/** The chaincode's Invoke (without `panic` and `sleep`). */
export async function assetInvoke(s: TwinStub): Promise<TwinResponse> {
  const [name = "", ...a] = s.args.map(text);
  try {
    if (name === "status" && a.length === 3) {
      await s.putState("status-was", utf8(a[0]));
      return { status: parseGoInt(a[0], 0), message: a[1], payload: utf8(a[2]) };
    }
    if (!Object.hasOwn(functions, name)) return failed(`unknown function ${name}`);
    const [least, run] = functions[name];
    if (a.length < least) return failed(`${name} wants ${least} arguments, got ${a.length}`);
    return { status: 200, message: "", payload: await run(s, a) };
  } catch (thrown) {
    return failed(messageOf(thrown));
  }
}
