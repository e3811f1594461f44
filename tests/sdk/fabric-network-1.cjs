/**
 * What applications do with fabric-network and fabric-client 1.4, against a development network of
 * two organisations. The SDK's `grpc` is replaced, see
 * examples/fabric-network-1.4/grpc.
 */
"use strict";

const assert = require("node:assert/strict");
const { Buffer } = require("node:buffer");
const fs = require("node:fs");
const path = require("node:path");
const process = require("node:process");
const Client = require("fabric-client");
const {
  CheckpointFactories,
  DefaultEventHandlerStrategies,
  DefaultQueryHandlerStrategies,
  FileSystemWallet,
  Gateway,
  X509WalletMixin,
} = require("fabric-network");
const { Collected, runScenarios } = require("./scenarios.cjs");

const { apps, chaincode } = JSON.parse(process.argv[2]);
const discovery = process.argv[3] === "discovery";
/** Runs against the same network do not meet. */
const prefix = `n1-${Date.now().toString(36)}`;
const open = [];

const profileOf = (mspId) =>
  JSON.parse(fs.readFileSync(path.join(apps, mspId, "connection.json"), "utf8"));

async function connect(identity = "user1", options = {}, mspId = "Org1MSP") {
  const gateway = new Gateway();
  open.push(gateway);
  await gateway.connect(profileOf(mspId), {
    wallet: new FileSystemWallet(path.join(apps, mspId, "wallet-1.4")),
    identity,
    discovery: { enabled: discovery, asLocalhost: true },
    ...options,
  });
  return gateway;
}

async function contractOf(identity, options, mspId) {
  const gateway = await connect(identity, options, mspId);
  const network = await gateway.getNetwork("mychannel");
  return { gateway, network, contract: network.getContract("market") };
}

const json = (bytes) => JSON.parse(bytes.toString());
let counter = 0;
const newId = () => `${prefix}-${++counter}`;

/** fabric-client's own objects, as the administrator of an organisation. */
async function clientOf(mspId = "Org1MSP") {
  const gateway = await connect("admin", {}, mspId);
  const network = await gateway.getNetwork("mychannel");
  const client = gateway.getClient();
  const channel = network.getChannel();
  const peers = channel.getPeersForOrg(mspId).map((peer) => peer.getPeer?.() ?? peer);
  return { client, channel, peers, admin: await client.getUserContext("admin", true) };
}

const scenarios = {
  async "the wallet of denim up lists and loads its identities"() {
    const wallet = new FileSystemWallet(path.join(apps, "Org1MSP", "wallet-1.4"));
    const labels = (await wallet.list()).map(({ label, mspId }) => `${label} ${mspId}`).sort();
    assert.deepEqual(labels, ["admin Org1MSP", "alice Org1MSP", "user1 Org1MSP"]);
    const identity = await wallet.export("alice");
    assert.match(identity.privateKey, /BEGIN PRIVATE KEY/);
    // What the SDK itself imports from the PEM files is the same identity.
    const pem = (file) => fs.readFileSync(path.join(apps, "Org1MSP", "pem", file), "utf8");
    const own = new FileSystemWallet(path.join(process.cwd(), "wallet"));
    await own.import(
      "alice",
      X509WalletMixin.createIdentity("Org1MSP", pem("alice-cert.pem"), pem("alice-key.pem")),
    );
    assert.equal((await own.export("alice")).certificate.trim(), identity.certificate.trim());
  },

  async "submit gives the chaincode's result, evaluate reads it, at peers of both organisations"() {
    const { contract } = await contractOf();
    const id = newId();
    const result = await contract.submitTransaction("create", id, "ann", "7");
    assert.deepEqual(json(result), { id, owner: "ann", value: 7 });
    assert.equal(json(await contract.evaluateTransaction("read", id)).owner, "ann");
    const other = await contractOf("user1", {}, "Org2MSP");
    assert.equal(json(await other.contract.evaluateTransaction("read", id)).owner, "ann");
  },

  async "a client with a TLS certificate of its own is discovered and served, too"() {
    const { contract } = await contractOf("user1", { clientTlsIdentity: "user1" });
    const id = newId();
    await contract.submitTransaction("create", id, "ann", "7");
    assert.equal(json(await contract.evaluateTransaction("read", id)).id, id);
  },

  async "every commit strategy waits for the commit"() {
    for (const [name, strategy] of Object.entries(DefaultEventHandlerStrategies)) {
      const { contract } = await contractOf("user1", {
        eventHandlerOptions: { strategy, commitTimeout: 30 },
      });
      const id = newId();
      await contract.submitTransaction("create", id, "ann", "1");
      assert.equal(json(await contract.evaluateTransaction("read", id)).id, id, name);
    }
  },

  async "every query strategy finds a peer"() {
    for (const [name, strategy] of Object.entries(DefaultQueryHandlerStrategies)) {
      const { contract } = await contractOf("user1", { queryHandlerOptions: { strategy } });
      assert.equal(json(await contract.evaluateTransaction("whoami")).mspId, "Org1MSP", name);
    }
  },

  async "what the chaincode throws reaches the application, in a query and a transaction"() {
    const { contract } = await contractOf();
    const id = newId();
    await assert.rejects(contract.evaluateTransaction("read", id), {
      message: new RegExp(`${id} does not exist`),
    });
    await contract.submitTransaction("create", id, "ann", "1");
    await assert.rejects(contract.submitTransaction("create", id, "ann", "1"), (error) => {
      if (discovery) assert.equal(error.message, "Endorsement has failed");
      else {
        assert.match(error.message, /^No valid responses from any peers\. 2 peer error responses:/);
        assert.match(error.message, new RegExp(`status=500, message=.*${id} exists already`));
      }
      return true;
    });
  },

  async "one organisation's endorsement is not enough: ENDORSEMENT_POLICY_FAILURE"() {
    const { contract, network } = await contractOf();
    const peers = network.getChannel().getPeersForOrg("Org1MSP");
    const transaction = contract.createTransaction("create").setEndorsingPeers(peers);
    await assert.rejects(transaction.submit(newId(), "ann", "1"), {
      message: /ENDORSEMENT_POLICY_FAILURE/,
    });
  },

  async "transient and private data"() {
    const { contract } = await contractOf();
    const seen = await contract.createTransaction("transient")
      .setTransient({ note: Buffer.from("secret") }).evaluate();
    assert.deepEqual(json(seen), { note: "secret" });
    const id = newId();
    await contract.createTransaction("setPrice")
      .setTransient({ price: Buffer.from("99") }).submit(id);
    assert.equal((await contract.evaluateTransaction("price", id)).toString(), "99");
  },

  async "attributes of an enrolled member reach the chaincode"() {
    const { contract } = await contractOf("alice");
    const seen = json(await contract.evaluateTransaction("whoami", "role", "hf.EnrollmentID"));
    assert.deepEqual(seen.attributes, { role: "auditor", "hf.EnrollmentID": "alice" });
    assert.equal((await contract.submitTransaction("audit")).toString(), "alice");
  },

  async "contract listeners get events with their payload, filtered ones without"() {
    for (const filtered of [false, true]) {
      const { contract } = await contractOf(); // a network's event hub stays what it was first
      const events = new Collected();
      const listener = await contract.addContractListener(
        `listener ${filtered}`,
        "created",
        (error, event, blockNumber, txId, status) =>
          events.push({ error, event, blockNumber, txId, status }),
        { filtered },
      );
      const transaction = contract.createTransaction("create");
      const txId = transaction.getTransactionID().getTransactionID();
      const id = newId();
      await transaction.submit(id, "ann", "5");
      const mine = (item) => item.txId === txId;
      await events.until((items) => items.some(mine));
      const { error, event, status, blockNumber } = events.items.find(mine);
      assert.equal(error, null);
      assert.equal(status, "VALID");
      assert.ok(Number(blockNumber) > 0);
      assert.equal(event.event_name, "created");
      const payload = event.payload?.toString() ?? "";
      if (filtered) assert.equal(payload, "");
      else assert.equal(JSON.parse(payload).id, id);
      listener.unregister();
    }
  },

  async "a checkpointer goes on where the application stopped"() {
    const basePath = path.join(process.cwd(), "checkpoints");
    const checkpointer = {
      factory: CheckpointFactories.FILE_SYSTEM_CHECKPOINTER,
      options: { basePath },
    };
    const seen = [];
    const ids = [];
    for (let run = 0; run < 2; run++) {
      const { contract, gateway } = await contractOf("user1", { checkpointer });
      const events = new Collected();
      const listener = await contract.addContractListener(
        `${prefix}-replayed`,
        "created",
        (error, event) => {
          if (!error) events.push(JSON.parse(event.payload.toString()).id);
        },
        { filtered: false, replay: true, checkpointer },
      );
      const id = newId();
      ids.push(id);
      await contract.submitTransaction("create", id, "ann", "1");
      await events.until((items) => items.includes(id));
      seen.push(...events.items);
      listener.unregister();
      gateway.disconnect();
      if (run > 0) continue;
      const offline = newId();
      ids.push(offline);
      const other = await contractOf();
      await other.contract.submitTransaction("create", offline, "ann", "1");
    }
    for (const id of ids) assert.ok(seen.includes(id), `${id} is missing in ${seen}`);
  },

  async "block listeners, filtered and full, and from the first block on"() {
    for (const filtered of [true, false]) {
      const { contract, network } = await contractOf();
      const blocks = new Collected();
      const listener = await network.addBlockListener(
        `blocks ${filtered}`,
        (error, block) => blocks.push(error ?? block),
        { filtered },
      );
      await contract.submitTransaction("create", newId(), "ann", "1");
      await blocks.until((items) => items.length > 0);
      const number = blocks.items[0].number ?? blocks.items[0].header?.number;
      assert.ok(Number(number) > 0, JSON.stringify(blocks.items[0]).slice(0, 200));
      listener.unregister();
    }
  },

  async "commit listeners hear of the transaction's end"() {
    const { contract } = await contractOf();
    const transaction = contract.createTransaction("create");
    const commits = new Collected();
    await transaction.addCommitListener((error, txId, status) => {
      commits.push({ error, txId, status });
    });
    await transaction.submit(newId(), "ann", "1");
    await commits.until((items) => items.length > 0);
    assert.equal(commits.items[0].status, "VALID");
    assert.equal(commits.items[0].txId, transaction.getTransactionID().getTransactionID());
  },

  async "fabric-client: an idle event hub connects at once and hears of a transaction"() {
    const { channel, peers } = await clientOf();
    const began = Date.now();
    const hub = channel.newChannelEventHub(peers[0]);
    await new Promise((resolve, reject) => {
      hub.connect({ full_block: true }, (error) => error ? reject(error) : resolve());
    });
    assert.ok(hub.isconnected());
    assert.ok(Date.now() - began < 5_000, "the newest block is sent at once");
    const { contract } = await contractOf();
    const transaction = contract.createTransaction("create");
    const txId = transaction.getTransactionID().getTransactionID();
    const commits = new Collected();
    hub.registerTxEvent(
      txId,
      (id, code, block) => commits.push({ id, code, block }),
      (error) => commits.push({ error }),
    );
    await transaction.submit(newId(), "ann", "1");
    await commits.until((items) => items.length > 0);
    assert.equal(commits.items[0].code, "VALID");
    hub.disconnect();
  },

  async "fabric-client: the ledger's blocks, transactions and configuration"() {
    const { channel, client, peers } = await clientOf();
    const info = await channel.queryInfo(peers[0]);
    assert.ok(info.height.toNumber() > 3);
    const block = await channel.queryBlock(info.height.toNumber() - 1, peers[0]);
    assert.equal(block.header.number, String(info.height.toNumber() - 1));
    const byHash = await channel.queryBlockByHash(info.currentBlockHash, peers[0]);
    assert.equal(byHash.header.number, block.header.number);
    const [{ payload }] = block.data.data;
    const txId = payload.header.channel_header.tx_id;
    const transaction = await channel.queryTransaction(txId, peers[0]);
    assert.equal(transaction.validationCode, 0);
    const ofTransaction = await channel.queryBlockByTxID(txId, peers[0]);
    assert.equal(ofTransaction.header.number, block.header.number);
    const config = await channel.getChannelConfig(peers[0]);
    assert.ok(config.config.channel_group.groups.get("Application"));
    const ordered = await channel.getChannelConfigFromOrderer();
    assert.ok(ordered.config.channel_group.groups.get("Orderer"));
    const genesis = await channel.getGenesisBlock({ txId: client.newTransactionID(true) });
    assert.equal(String(genesis.header.number), "0");
    const channels = await client.queryChannels(peers[0], true);
    assert.deepEqual(channels.channels.map(({ channel_id: id }) => id), ["mychannel"]);
  },

  async "fabric-client: chaincode is installed, instantiated, invoked and listed"() {
    const name = `c${Date.now().toString(36)}`;
    const first = await clientOf("Org1MSP");
    for (const { client, peers } of [first, await clientOf("Org2MSP")]) {
      const [responses] = await client.installChaincode({
        targets: peers,
        chaincodePath: chaincode,
        chaincodeId: name,
        chaincodeVersion: "1.0",
        chaincodeType: "node",
        txId: client.newTransactionID(true),
      });
      assert.deepEqual(
        responses.map(({ response }) => response?.status),
        [200],
        String(responses[0]),
      );
    }
    const { client, channel, peers } = first;
    const txId = client.newTransactionID(true);
    const [proposalResponses, proposal] = await channel.sendInstantiateProposal({
      targets: peers,
      chaincodeId: name,
      chaincodeVersion: "1.0",
      chaincodeType: "node",
      fcn: "init",
      args: [],
      txId,
      "endorsement-policy": {
        identities: [{ role: { name: "member", mspId: "Org1MSP" } }],
        policy: { "1-of": [{ "signed-by": 0 }] },
      },
    }, 120_000);
    assert.equal(proposalResponses[0].response?.status, 200, String(proposalResponses[0]));
    const commits = new Collected();
    const hub = channel.newChannelEventHub(peers[0]);
    hub.registerTxEvent(
      txId.getTransactionID(),
      (_, code) => commits.push(code),
      (error) => commits.push(error),
      { disconnect: true },
    );
    hub.connect();
    const sent = await channel.sendTransaction({ proposalResponses, proposal, txId });
    assert.equal(sent.status, "SUCCESS");
    await commits.until((items) => items.length > 0);
    assert.deepEqual(commits.items, ["VALID"]);
    const installed = await client.queryInstalledChaincodes(peers[0], true);
    assert.ok(installed.chaincodes.some((one) => one.name === name && one.version === "1.0"));
    const instantiated = await channel.queryInstantiatedChaincodes(peers[0], true);
    assert.ok(instantiated.chaincodes.some((one) => one.name === name));
    const { network } = await contractOf();
    assert.ok(await network.getContract(name).evaluateTransaction("whoami"));
  },

  async "an identity that the channel does not know is refused"() {
    const pem = (file) => fs.readFileSync(path.join(apps, "Org1MSP", "pem", file), "utf8");
    const wallet = new FileSystemWallet(path.join(process.cwd(), "wallet"));
    await wallet.import(
      "stranger",
      X509WalletMixin.createIdentity("Org9MSP", pem("user1-cert.pem"), pem("user1-key.pem")),
    );
    await assert.rejects(async () => {
      const { contract } = await contractOf("stranger", { wallet });
      await contract.evaluateTransaction("whoami");
    });
  },
};

// Quiet: what the SDK logs of refusals is expected.
Client.setLogger({ debug() {}, info() {}, warn() {}, error() {} });

runScenarios(scenarios).then(() => {
  for (const gateway of open) gateway.disconnect();
  process.exit(0);
});
