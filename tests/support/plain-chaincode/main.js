/**
 * A chaincode without dependencies, for tests of builds and containers that must not take long. The
 * chaincode's side of the stream is written by hand: gRPC frames over HTTP/2, and just the fields of
 * ChaincodeMessage that it needs.
 *
 * Functions: version, put KEY VALUE, get KEY, exit CODE (in the middle of a transaction), hang, env NAME.
 */
"use strict";
const { readFileSync } = require("node:fs");
const { connect } = require("node:http2");
const { argv, env, exit } = require("node:process");

const type = {
  register: 1,
  init: 3,
  transaction: 5,
  completed: 6,
  error: 7,
  getState: 8,
  putState: 9,
  response: 13,
};

function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) {
    bytes.push((value % 128) | 128);
  }
  return Buffer.from([...bytes, value]);
}

/** A message of `[field number, value]`; numbers and texts or bytes. */
function message(...fields) {
  return Buffer.concat(fields.flatMap(([number, value]) => {
    if (typeof value === "number") return [varint(number * 8), varint(value)];
    const bytes = Buffer.from(value);
    return [varint(number * 8 + 2), varint(bytes.length), bytes];
  }));
}

/** The fields of a message as `[number, value]`. */
function fields(bytes) {
  const result = [];
  let at = 0;
  const next = () => {
    for (let value = 0, unit = 1;; unit *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = next();
    const value = next();
    if (tag % 8 === 0) result.push([tag >> 3, value]);
    else result.push([tag >> 3, bytes.subarray(at, at += value)]);
  }
  return result;
}

const address = argv[argv.indexOf("--peer.address") + 1];
const tls = env.CORE_PEER_TLS_ENABLED === "true";
const decoded = (path) => Buffer.from(readFileSync(path, "utf8"), "base64");
const session = connect(
  `${tls ? "https" : "http"}://${address}`,
  tls
    ? {
      ca: readFileSync(env.CORE_PEER_TLS_ROOTCERT_FILE),
      key: decoded(env.CORE_TLS_CLIENT_KEY_PATH),
      cert: decoded(env.CORE_TLS_CLIENT_CERT_PATH),
    }
    : {},
);
const end = (error) => {
  console.error(error === undefined ? "the stream has ended" : error.message);
  exit(1);
};
session.on("error", end);
const stream = session.request({
  ":method": "POST",
  ":path": "/protos.ChaincodeSupport/Register",
  "content-type": "application/grpc",
  te: "trailers",
});
stream.on("error", end);
stream.on("close", () => end());

function send(kind, payload, { txid = "", channelId = "" } = {}) {
  const bytes = message([1, kind], [3, payload], [4, txid], [7, channelId]);
  const header = Buffer.alloc(5);
  header.writeUInt32BE(bytes.length, 1);
  stream.write(Buffer.concat([header, bytes]));
}

/** Who waits for the answer to a request of a transaction. */
const waiting = new Map();

function ask(kind, payload, transaction) {
  send(kind, payload, transaction);
  return new Promise((resolve, reject) => waiting.set(transaction.txid, { resolve, reject }));
}

async function run([name, ...args], transaction) {
  switch (name) {
    case "version":
      return JSON.stringify({ version: require("./package.json").version });
    case "put":
      await ask(
        type.putState,
        message([1, args[0]], [2, args[1]]),
        transaction,
      );
      return "";
    case "get":
      return await ask(type.getState, message([1, args[0]]), transaction);
    case "env":
      return env[args[0]] ?? "";
    case "exit":
      console.error("leaving in the middle of a transaction");
      return exit(Number(args[0]));
    case "hang":
      return await new Promise(() => {});
    default:
      return "";
  }
}

async function handle(bytes) {
  const values = new Map(fields(bytes));
  const kind = values.get(1);
  const payload = values.get(3) ?? Buffer.alloc(0);
  const transaction = {
    txid: String(values.get(4) ?? ""),
    channelId: String(values.get(7) ?? ""),
  };
  if (kind === type.init || kind === type.transaction) {
    const args = fields(payload).filter(([number]) => number === 1).map((
      [, arg],
    ) => String(arg));
    const result = await run(args, transaction);
    send(type.completed, message([1, 200], [3, result]), transaction);
  } else if (kind === type.response || kind === type.error) {
    const waiter = waiting.get(transaction.txid);
    waiting.delete(transaction.txid);
    if (kind === type.response) waiter?.resolve(payload);
    else waiter?.reject(new Error(String(payload)));
  }
}

let rest = Buffer.alloc(0);
stream.on("data", (bytes) => {
  rest = Buffer.concat([rest, bytes]);
  while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
    const length = rest.readUInt32BE(1);
    const frame = rest.subarray(5, 5 + length);
    rest = rest.subarray(5 + length);
    handle(frame).catch(end);
  }
});
send(type.register, message([2, env.CORE_CHAINCODE_ID_NAME]));
