/** What applications do with fabric-network 2.2, against a development network of two organisations. */
"use strict";

const assert = require("node:assert/strict");
const { Buffer } = require("node:buffer");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const process = require("node:process");
const {
  DefaultCheckpointers,
  DefaultEventHandlerStrategies,
  DefaultQueryHandlerStrategies,
  Gateway,
  Wallets,
} = require("fabric-network");
const Long = require("long");
const { Collected, runScenarios } = require("./scenarios.cjs");

const { apps } = JSON.parse(process.argv[2]);
const discovery = process.argv[3] === "discovery";
const marketplace = "market";
/** Runs against the same network do not meet. */
const prefix = `n2-${Date.now().toString(36)}`;
const open = [];

/** With discovery the own organisation's peer is enough: the SDK finds out about everything else. */
function profileOf(mspId) {
  const profile = JSON.parse(fs.readFileSync(path.join(apps, mspId, "connection.json"), "utf8"));
  if (!discovery) return profile;
  const name = profile.client.organization;
  const own = profile.organizations[name];
  const { version, client, peers } = profile;
  return {
    name: "one peer",
    version,
    client,
    organizations: { [name]: own },
    peers: Object.fromEntries(own.peers.map((peer) => [peer, peers[peer]])),
  };
}

/** A gateway of an identity out of the wallet that `denim up` wrote; closed at the end. */
async function connect(identity = "user1", options = {}, mspId = "Org1MSP") {
  const gateway = new Gateway();
  open.push(gateway);
  await gateway.connect(profileOf(mspId), {
    wallet: await Wallets.newFileSystemWallet(path.join(apps, mspId, "wallet")),
    identity,
    discovery: { enabled: discovery, asLocalhost: true },
    ...options,
  });
  return gateway;
}

async function contractOf(identity, options, mspId) {
  const gateway = await connect(identity, options, mspId);
  const network = await gateway.getNetwork("mychannel");
  return { gateway, network, contract: network.getContract(marketplace) };
}

const json = (bytes) => JSON.parse(bytes.toString());
let counter = 0;
const newId = () => `${prefix}-${++counter}`;

const scenarios = {
  async "the wallet of denim up lists and loads its identities"() {
    const wallet = await Wallets.newFileSystemWallet(path.join(apps, "Org1MSP", "wallet"));
    assert.deepEqual((await wallet.list()).sort(), ["admin", "alice", "user1"]);
    const identity = await wallet.get("alice");
    assert.equal(identity.mspId, "Org1MSP");
    assert.equal(identity.type, "X.509");
    assert.match(identity.credentials.privateKey, /BEGIN PRIVATE KEY/);
  },

  async "submit gives the chaincode's result, evaluate reads it, at peers of both organisations"() {
    const { contract } = await contractOf();
    const id = newId();
    const result = await contract.submitTransaction("create", id, "ann", "7");
    assert.deepEqual(json(result), { id, owner: "ann", value: 7 });
    assert.deepEqual(json(await contract.evaluateTransaction("read", id)), {
      id,
      owner: "ann",
      value: 7,
    });
    const other = await contractOf("user1", {}, "Org2MSP");
    assert.equal(json(await other.contract.evaluateTransaction("read", id)).owner, "ann");
  },

  async "the transaction id is known before it is sent and is the chaincode's"() {
    const { contract } = await contractOf();
    const transaction = contract.createTransaction("txId");
    const id = transaction.getTransactionId();
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal((await transaction.evaluate()).toString(), id);
  },

  async "every commit strategy waits for the commit"() {
    for (const [name, strategy] of Object.entries(DefaultEventHandlerStrategies)) {
      const { contract } = await contractOf("user1", {
        eventHandlerOptions: { strategy, commitTimeout: 30, endorseTimeout: 30 },
      });
      const id = newId();
      await contract.submitTransaction("create", id, "ann", "1");
      if (name === "NONE") continue;
      assert.equal(json(await contract.evaluateTransaction("read", id)).id, id, name);
    }
  },

  async "every query strategy finds a peer"() {
    for (const [name, strategy] of Object.entries(DefaultQueryHandlerStrategies)) {
      const { contract } = await contractOf("user1", { queryHandlerOptions: { strategy } });
      for (let i = 0; i < 3; i++) {
        assert.equal(json(await contract.evaluateTransaction("whoami")).mspId, "Org1MSP", name);
      }
    }
  },

  async "what the chaincode throws reaches the application, in a query and a transaction"() {
    const { contract } = await contractOf();
    const id = newId();
    await assert.rejects(contract.evaluateTransaction("read", id), (error) => {
      assert.match(error.message, new RegExp(`${id} does not exist`));
      return true;
    });
    await contract.submitTransaction("create", id, "ann", "1");
    await assert.rejects(contract.submitTransaction("create", id, "ann", "1"), (error) => {
      assert.match(error.message, /No valid responses from any peers\. Errors:/);
      assert.match(error.message, /peer=.*, status=500, message=/);
      assert.match(error.message, new RegExp(`${id} exists already`));
      return true;
    });
  },

  async "a chaincode that is not there is named"() {
    const { network } = await contractOf();
    const contract = network.getContract("nowhere");
    await assert.rejects(contract.evaluateTransaction("read"), {
      message: /nowhere/,
    });
    await assert.rejects(contract.submitTransaction("read"), /nowhere/);
  },

  async "transactions that read the same key in one block: the loser sees MVCC_READ_CONFLICT"() {
    const { contract } = await contractOf();
    const id = newId();
    await contract.submitTransaction("create", id, "ann", "0");
    let conflict;
    for (let attempt = 0; attempt < 30 && !conflict; attempt++) {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 4 }, () => contract.submitTransaction("add", id, "1")),
      );
      // Endorsers may also have seen different states: then nothing was sent.
      conflict = outcomes.map(({ reason }) => reason?.message ?? "")
        .find((message) => message.includes("with status"));
    }
    assert.match(
      conflict ?? "",
      /Commit of transaction [0-9a-f]{64} failed on peer .* with status MVCC_READ_CONFLICT/,
    );
  },

  async "one organisation's endorsement is not enough: ENDORSEMENT_POLICY_FAILURE"() {
    const { contract, network } = await contractOf();
    const [peer] = network.getChannel().getEndorsers("Org1MSP");
    const transaction = contract.createTransaction("create").setEndorsingPeers([peer]);
    await assert.rejects(transaction.submit(newId(), "ann", "1"), {
      message:
        /Commit of transaction [0-9a-f]{64} failed on peer .* with status ENDORSEMENT_POLICY_FAILURE/,
    });
  },

  async "endorsing organisations are asked, and only those"() {
    const { contract } = await contractOf();
    const id = newId();
    await contract.createTransaction("create")
      .setEndorsingOrganizations("Org1MSP", "Org2MSP").submit(id, "ann", "1");
    assert.equal(json(await contract.evaluateTransaction("read", id)).id, id);
  },

  async "transient data reaches the chaincode and no block"() {
    const { contract, network } = await contractOf();
    const secret = "only for the chaincode";
    const seen = await contract.createTransaction("transient")
      .setTransient({ note: Buffer.from(secret) }).evaluate();
    assert.deepEqual(json(seen), { note: secret });
    const id = newId();
    const transaction = contract.createTransaction("setPrice")
      .setTransient({ price: Buffer.from("12345") });
    const txId = transaction.getTransactionId();
    await transaction.submit(id);
    const block = await network.getContract("qscc")
      .evaluateTransaction("GetBlockByTxID", "mychannel", txId);
    assert.ok(!block.includes("12345"));
    assert.ok(block.includes(id));
  },

  async "private data is read by members, its hash by everyone"() {
    const { contract } = await contractOf();
    const id = newId();
    await contract.createTransaction("setPrice")
      .setTransient({ price: Buffer.from("99") }).submit(id);
    for (const mspId of ["Org1MSP", "Org2MSP"]) {
      const own = await contractOf("user1", {
        queryHandlerOptions: { strategy: DefaultQueryHandlerStrategies.MSPID_SCOPE_SINGLE },
      }, mspId);
      assert.equal((await own.contract.evaluateTransaction("price", id)).toString(), "99", mspId);
      assert.equal(
        (await own.contract.evaluateTransaction("priceHash", id)).toString(),
        createHash("sha256").update("99").digest("hex"),
      );
    }
  },

  async "attributes of an enrolled member reach the chaincode"() {
    const { contract } = await contractOf("alice");
    const names = ["role", "hf.EnrollmentID", "hf.Type", "hf.Affiliation", "nothing"];
    const { attributes, id, mspId } = json(await contract.evaluateTransaction("whoami", ...names));
    assert.deepEqual(attributes, {
      role: "auditor",
      "hf.EnrollmentID": "alice",
      "hf.Type": "client",
      "hf.Affiliation": "sales",
      nothing: null,
    });
    assert.equal(mspId, "Org1MSP");
    assert.match(id, /^x509::.*CN=alice/);
    assert.equal((await contract.submitTransaction("audit")).toString(), "alice");
    const other = await contractOf("user1");
    await assert.rejects(other.contract.submitTransaction("audit"), /only for auditors/);
  },

  async "pages of a range, with bookmarks"() {
    const { contract } = await contractOf();
    const base = newId();
    for (let i = 0; i < 5; i++) {
      await contract.submitTransaction("create", `${base}-p${i}`, "pat", String(i));
    }
    const ids = [];
    let bookmark = "";
    let pages = 0;
    do {
      const page = json(
        await contract.evaluateTransaction("page", `${base}-p`, `${base}-q`, "2", bookmark),
      );
      ids.push(...page.ids);
      bookmark = page.count < 2 ? "" : page.bookmark;
      pages++;
    } while (bookmark !== "");
    assert.deepEqual(ids, [0, 1, 2, 3, 4].map((i) => `${base}-p${i}`));
    assert.equal(pages, 3);
  },

  async "rich queries, with pages"() {
    const { contract } = await contractOf();
    const base = newId();
    const owner = `owner of ${base}`;
    for (let i = 0; i < 3; i++) {
      await contract.submitTransaction("create", `${base}-r${i}`, owner, String(i * 10));
    }
    const selector = { selector: { owner, value: { $gte: 10 } } };
    const found = json(await contract.evaluateTransaction("query", JSON.stringify(selector)));
    assert.deepEqual(found.map(({ value }) => value).sort(), [10, 20]);
    const all = JSON.stringify({ selector: { owner } });
    const first = json(await contract.evaluateTransaction("queryPage", all, "2", ""));
    const second = json(await contract.evaluateTransaction("queryPage", all, "2", first.bookmark));
    assert.equal(first.ids.length, 2);
    assert.deepEqual([...first.ids, ...second.ids].sort(), [0, 1, 2].map((i) => `${base}-r${i}`));
  },

  async "the history of a key"() {
    const { contract } = await contractOf();
    const id = newId();
    await contract.submitTransaction("create", id, "ann", "1");
    await contract.submitTransaction("add", id, "2");
    await contract.submitTransaction("remove", id);
    const history = json(await contract.evaluateTransaction("history", id));
    assert.equal(history.length, 3);
    assert.deepEqual(history.map(({ isDelete }) => isDelete).sort(), [false, false, true]);
  },

  async "contract listeners get events with their payload"() {
    const { contract } = await contractOf();
    const events = new Collected();
    const listener = (event) => Promise.resolve(events.push(event));
    await contract.addContractListener(listener);
    const id = newId();
    await contract.submitTransaction("create", id, "ann", "5");
    const mine = (event) => event.payload?.toString().includes(`"${id}"`);
    await events.until((items) => items.some(mine));
    const event = events.items.find(mine);
    assert.equal(event.eventName, "created");
    assert.equal(event.chaincodeId, marketplace);
    assert.equal(event.getTransactionEvent().isValid, true);
    assert.equal(event.getTransactionEvent().status, "VALID");
    contract.removeContractListener(listener);
  },

  async "filtered contract listeners get events without payload"() {
    const { contract } = await contractOf();
    const events = new Collected();
    const listener = (event) => Promise.resolve(events.push(event));
    await contract.addContractListener(listener, { type: "filtered" });
    const transaction = contract.createTransaction("create");
    const txId = transaction.getTransactionId();
    await transaction.submit(newId(), "ann", "5");
    const mine = (event) => event.getTransactionEvent().transactionId === txId;
    await events.until((items) => items.some(mine));
    const event = events.items.find(mine);
    assert.equal(event.eventName, "created");
    assert.ok(!event.payload?.length);
    contract.removeContractListener(listener);
  },

  async "events are replayed from a block"() {
    const { contract } = await contractOf();
    const events = new Collected();
    const first = newId();
    await contract.submitTransaction("create", first, "ann", "5");
    const listener = (event) => Promise.resolve(events.push(event));
    await contract.addContractListener(listener, { startBlock: 0 });
    const has = (id) => (items) => items.some(({ payload }) => payload.includes(`"${id}"`));
    await events.until(has(first));
    const second = newId();
    await contract.submitTransaction("create", second, "ann", "5");
    await events.until(has(second));
    const ids = events.items.map((event) => event.getTransactionEvent().transactionId);
    assert.equal(new Set(ids).size, ids.length, "an event came twice");
    contract.removeContractListener(listener);
  },

  async "a file checkpointer goes on where the application stopped"() {
    const file = path.join(process.cwd(), `${prefix}-checkpoint.json`);
    const seen = [];
    const ids = [];
    for (let run = 0; run < 3; run++) {
      const { contract, gateway } = await contractOf();
      const events = new Collected();
      const checkpointer = await DefaultCheckpointers.file(file);
      if (run === 0) {
        await checkpointer.setBlockNumber(Long.fromNumber(await heightOf(gateway)));
      }
      const before = await checkpointer.getBlockNumber();
      const listener = (event) => Promise.resolve(events.push(event.payload.toString()));
      await contract.addContractListener(listener, { checkpointer });
      const id = newId();
      ids.push(id);
      await contract.submitTransaction("create", id, "ann", "1");
      await events.until((items) => items.some((text) => text.includes(`"${id}"`)));
      // The checkpointer is told after the listener has returned.
      while (
        (await checkpointer.getTransactionIds()).size > 0 ||
        !(await checkpointer.getBlockNumber()).gt(before)
      ) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      seen.push(...events.items);
      contract.removeContractListener(listener);
      gateway.disconnect();
      // While nobody listens, something happens.
      const offline = newId();
      ids.push(offline);
      const other = await contractOf();
      await other.contract.submitTransaction("create", offline, "ann", "1");
    }
    // The last one happened after the last listener was gone.
    const expected = ids.slice(0, -1);
    const got = seen.map((text) => JSON.parse(text).id);
    for (const id of expected) {
      assert.ok(got.filter((one) => one === id).length >= 1, `${id} is missing in ${got}`);
    }
    assert.equal(new Set(got).size, got.length, `an event came twice: ${got}`);
  },

  async "block listeners: filtered, full, and with private data"() {
    for (const type of ["filtered", "full", "private"]) {
      const { contract, network } = await contractOf();
      const blocks = new Collected();
      const listener = (event) => Promise.resolve(blocks.push(event));
      await network.addBlockListener(listener, { type });
      const id = newId();
      const transaction = contract.createTransaction("setPrice")
        .setTransient({ price: Buffer.from(`price of ${id}`) });
      const txId = transaction.getTransactionId();
      await transaction.submit(id);
      const transactionsIn = (items) => items.flatMap((block) => block.getTransactionEvents());
      await blocks.until((items) =>
        transactionsIn(items).some(({ transactionId }) => transactionId === txId)
      );
      const event = transactionsIn(blocks.items).find((one) => one.transactionId === txId);
      assert.equal(event.status, "VALID", type);
      assert.equal(event.getContractEvents()[0].eventName, "priced", type);
      const secret = JSON.stringify(event.privateData ?? null);
      if (type === "private") {
        const [namespace] = event.privateData.ns_pvt_rwset;
        assert.equal(namespace.namespace, marketplace);
        const [{ collection_name: collection, rwset }] = namespace.collection_pvt_rwset;
        assert.equal(collection, "prices");
        const values = JSON.stringify(
          rwset.writes.map(({ value }) => Buffer.from(value).toString()),
        );
        assert.match(values, new RegExp(`price of ${id}`));
      } else assert.equal(secret, "null", type);
      network.removeBlockListener(listener);
    }
  },

  async "an organisation outside a collection gets nothing of it, at a member's peer either"() {
    if (discovery) return; // it would find the own organisation's peers
    const member = await contractOf();
    // The other organisation's application, at this organisation's peer.
    const profile = profileOf("Org1MSP");
    const [peer] = profile.organizations.Org1.peers;
    profile.channels.mychannel.peers = { [peer]: {} };
    profile.peers = { [peer]: profile.peers[peer] };
    profile.organizations = { Org1: profile.organizations.Org1 };
    const stranger = new Gateway();
    open.push(stranger);
    await stranger.connect(profile, {
      wallet: await Wallets.newFileSystemWallet(path.join(apps, "Org2MSP", "wallet")),
      identity: "user1",
      discovery: { enabled: false },
    });
    const network = await stranger.getNetwork("mychannel");
    const seen = { member: new Collected(), stranger: new Collected() };
    const listening = { member: member.network, stranger: network };
    for (const who of ["member", "stranger"]) {
      const listener = (event) => {
        for (const one of event.getTransactionEvents()) seen[who].push(one);
        return Promise.resolve();
      };
      await listening[who].addBlockListener(listener, { type: "private" });
    }
    const id = newId();
    const transaction = member.contract.createTransaction("setNote")
      .setTransient({ note: Buffer.from("of Org1") });
    const txId = transaction.getTransactionId();
    await transaction.submit(id);
    const mine = ({ transactionId }) => transactionId === txId;
    const [told, hidden] = await Promise.all(["member", "stranger"].map(async (who) => {
      await seen[who].until((items) => items.some(mine));
      return JSON.stringify(seen[who].items.find(mine).privateData ?? null);
    }));
    assert.match(told, /"collection_name":"notes"/);
    assert.equal(hidden, "null");
    assert.equal((await member.contract.evaluateTransaction("note", id)).toString(), "of Org1");
    await assert.rejects(
      network.getContract(marketplace).evaluateTransaction("note", id),
      /tx creator does not have read access permission on privatedata/,
    );
  },

  async "discovered endpoints work as they are, without asLocalhost"() {
    const { contract } = await contractOf("user1", {
      discovery: { enabled: discovery, asLocalhost: false },
    });
    const id = newId();
    await contract.submitTransaction("create", id, "ann", "1");
    assert.equal(json(await contract.evaluateTransaction("read", id)).id, id);
  },

  async "blocks are replayed from the first, in order, each once"() {
    const { network, gateway } = await contractOf();
    const height = await heightOf(gateway);
    const numbers = new Collected();
    const listener = (event) => Promise.resolve(numbers.push(Number(event.blockNumber)));
    await network.addBlockListener(listener, { startBlock: 0 });
    await numbers.until((items) => items.length >= height);
    assert.deepEqual(numbers.items.slice(0, height), Array.from({ length: height }, (_, i) => i));
    network.removeBlockListener(listener);
  },

  async "commit listeners hear from every peer"() {
    const { contract, network } = await contractOf();
    const peers = network.getChannel().getEndorsers();
    assert.equal(peers.length, 2);
    const transaction = contract.createTransaction("create");
    const commits = new Collected();
    const listener = (error, event) => commits.push(error ?? event);
    await network.addCommitListener(listener, peers, transaction.getTransactionId());
    await transaction.submit(newId(), "ann", "1");
    await commits.until((items) => items.length >= 2);
    assert.deepEqual(commits.items.map(({ status }) => status), ["VALID", "VALID"]);
    assert.equal(new Set(commits.items.map(({ peer }) => peer.name)).size, 2);
    network.removeCommitListener(listener);
  },

  async "system chaincode answers: qscc and cscc"() {
    const { network } = await contractOf("admin");
    const info = await network.getContract("qscc").evaluateTransaction("GetChainInfo", "mychannel");
    assert.ok(info.length > 32);
    const channels = await network.getContract("cscc").evaluateTransaction("GetChannels");
    assert.ok(channels.includes("mychannel"));
  },

  async "forty transactions at once"() {
    const { contract } = await contractOf();
    const base = newId();
    // The SDK's first transaction opens its event stream, and only that one waits for it: others
    // sent at the same time could be committed before anybody listens.
    await contract.submitTransaction("create", base, "ann", "0");
    await Promise.all(
      Array.from(
        { length: 40 },
        (_, i) => contract.submitTransaction("create", `${base}-m${i}`, "ann", String(i)),
      ),
    );
    const all = json(await contract.evaluateTransaction("range", `${base}-m`, `${base}-n`));
    assert.equal(all.length, 40);
  },

  async "an identity that the channel does not know is refused"() {
    const wallet = await Wallets.newInMemoryWallet();
    const real = await (await Wallets.newFileSystemWallet(path.join(apps, "Org1MSP", "wallet")))
      .get("user1");
    await wallet.put("stranger", { ...real, mspId: "Org9MSP" });
    const refused = async () => {
      const { contract } = await contractOf("stranger", { wallet });
      await contract.evaluateTransaction("whoami");
    };
    await assert.rejects(refused, /access denied|Failed to connect|DiscoveryService/i);
  },
};

/** Number of blocks, from qscc's answer (protobuf: field 1, varint). */
async function heightOf(gateway) {
  const network = await gateway.getNetwork("mychannel");
  const info = await network.getContract("qscc").evaluateTransaction("GetChainInfo", "mychannel");
  let height = 0;
  for (let i = 1, shift = 0;; i++, shift += 7) {
    height += (info[i] & 0x7f) * 2 ** shift;
    if (info[i] < 0x80) return height;
  }
}

runScenarios(scenarios).then(() => {
  for (const gateway of open) gateway.disconnect();
  process.exit(0);
});
