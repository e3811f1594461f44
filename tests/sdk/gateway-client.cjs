/** Connections of fabric-gateway applications, made from what `denim up` writes for them. */
"use strict";

const { createPrivateKey } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const grpc = require("@grpc/grpc-js");
const { connect, hash, signers } = require("@hyperledger/fabric-gateway");

/** Everything that was opened; closed together. */
const open = [];

function closeAll() {
  for (const one of open.splice(0).reverse()) one.close();
}

/** What gateway.json of an organisation says. @param apps the folder for applications of a network */
function profileOf(apps, mspId) {
  return JSON.parse(
    fs.readFileSync(path.join(apps, mspId, "gateway.json"), "utf8"),
  );
}

function newClient(profile) {
  const credentials = grpc.credentials.createSsl(
    fs.readFileSync(profile.tlsCertPath),
  );
  const client = new grpc.Client(profile.peerEndpoint, credentials, {
    "grpc.ssl_target_name_override": profile.peerHostAlias,
  });
  open.push(client);
  return client;
}

function identityOf(profile, name) {
  const { certPath } = profile.identities[name];
  return { mspId: profile.mspId, credentials: fs.readFileSync(certPath) };
}

function signerOf(profile, name) {
  const { keyPath } = profile.identities[name];
  return signers.newPrivateKeySigner(
    createPrivateKey(fs.readFileSync(keyPath)),
  );
}

/** A gateway of a person; `options` go to `connect`. */
function gatewayOf(apps, mspId, name = "user1", options = {}) {
  const profile = profileOf(apps, mspId);
  const gateway = connect({
    client: options.client ?? newClient(profile),
    identity: identityOf(profile, name),
    signer: signerOf(profile, name),
    hash: hash.sha256,
    ...options,
  });
  open.push(gateway);
  return gateway;
}

module.exports = {
  closeAll,
  gatewayOf,
  identityOf,
  newClient,
  profileOf,
  signerOf,
};
