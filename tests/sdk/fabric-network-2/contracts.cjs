/** What a contract works with: private data, attributes, pages, rich queries, history. */
"use strict";

const assert = require("node:assert/strict");
const { Buffer } = require("node:buffer");
const { createHash } = require("node:crypto");
const { DefaultQueryHandlerStrategies } = require("fabric-network");
const { contractOf, json, newId } = require("./support.cjs");

const contracts = {
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
};

module.exports = { contracts };
