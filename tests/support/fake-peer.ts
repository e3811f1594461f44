/**
 * The peer's half of the chaincode stream, as small as chaincode needs it: mutual TLS, REGISTER, INIT,
 * transactions, and a map as world state. For tests of runtimes; the real one is in src/chaincode.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AsyncQueue, Deferred, withDeadline } from "../../src/base/async.ts";
import { text, utf8 } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/logger.ts";
import {
  generateKeyPair,
  type Issuer,
  writeCertificate,
} from "../../src/crypto/certificate-writer.ts";
import { ChaincodeIDSchema, ChaincodeInputSchema } from "../../src/gen/peer/chaincode_pb.ts";
import {
  type ChaincodeMessage,
  ChaincodeMessage_Type as Type,
  ChaincodeMessageSchema,
  ChaincodeSupport,
  DelStateSchema,
  GetStateSchema,
  PutStateSchema,
} from "../../src/gen/peer/chaincode_shim_pb.ts";
import {
  ChannelHeaderSchema,
  HeaderSchema,
  HeaderType,
  SignatureHeaderSchema,
} from "../../src/gen/common/common_pb.ts";
import { SerializedIdentitySchema } from "../../src/gen/msp/identities_pb.ts";
import {
  ChaincodeProposalPayloadSchema,
  ProposalSchema,
  type SignedProposal,
  SignedProposalSchema,
} from "../../src/gen/peer/proposal_pb.ts";
import { ResponseSchema } from "../../src/gen/peer/proposal_response_pb.ts";
import { createRpcServer } from "../../src/rpc/server.ts";
import type { ChaincodeTls } from "../../src/runtime/types.ts";

/** One registered chaincode. */
export interface FakeStream {
  /** What it registered as, `name:version`. */
  readonly name: string;
  /** Settles when the chaincode has gone. */
  readonly ended: Promise<void>;
  /** INIT or TRANSACTION; the response's payload, or an error with its message. */
  call(kind: "init" | "invoke", ...args: string[]): Promise<string>;
}

export interface FakePeer {
  readonly address: string;
  readonly port: number;
  /** TLS material for one chaincode. */
  tls(): ChaincodeTls;
  /** The next chaincode that registers. */
  registered(timeoutMs: number): Promise<FakeStream>;
  close(): Promise<void>;
}

/** @param hosts names and addresses that chaincode may dial */
export async function startFakePeer(
  listen = "127.0.0.1:0",
  hosts: readonly string[] = ["127.0.0.1", "localhost"],
): Promise<FakePeer> {
  const ca = testAuthority();
  const own = ca.issue("serverAuth", hosts);
  const server = await createRpcServer({
    listen,
    tls: {
      certificate: own.certPem,
      key: own.keyPem,
      clientRootCertificates: [ca.certificatePem],
    },
    logger: silentLogger,
  });
  const streams = new AsyncQueue<FakeStream>();
  server.register(ChaincodeSupport, {
    register: (requests) => serve(requests, (stream) => streams.push(stream)),
  });
  const arrivals = streams[Symbol.asyncIterator]();
  return {
    address: server.address,
    port: Number(server.address.split(":").at(-1)),
    tls() {
      const issued = ca.issue("clientAuth", []);
      return {
        clientKey: issued.keyPem,
        clientCertificate: issued.certPem,
        rootCertificate: ca.certificatePem,
      };
    },
    async registered(timeoutMs) {
      const next = await withDeadline(arrivals.next(), timeoutMs, "REGISTER of the chaincode");
      if (next.done) throw new Error("the fake peer is closed");
      return next.value;
    },
    async close() {
      streams.close();
      await server.close(0);
    },
  };
}

/** A certificate authority without extended key usage: OpenSSL 3 accepts no "any" in an issuer. */
export function testAuthority() {
  const keys = generateKeyPair();
  const hour = 3_600_000;
  const validity = { notBefore: Date.now() - hour, notAfter: Date.now() + hour };
  const issuer: Issuer = { name: { commonName: "fake peer" }, keys };
  const own = writeCertificate({
    ...validity,
    subject: issuer.name,
    isCa: true,
    keyUsage: ["digitalSignature", "keyCertSign"],
  }, keys);
  return {
    certificatePem: own.pem,
    issue(usage: "clientAuth" | "serverAuth", hosts: readonly string[]) {
      const subjectKeys = generateKeyPair();
      const written = writeCertificate(
        {
          ...validity,
          subject: { commonName: usage },
          keyUsage: ["digitalSignature"],
          extendedKeyUsage: [usage],
          hosts,
        },
        subjectKeys,
        issuer,
      );
      return { certPem: written.pem, keyPem: subjectKeys.keyPem };
    },
  };
}

/** A proposal with a creator, as chaincode looks at it. */
function signedProposal(): SignedProposal {
  const certificate = testAuthority().issue("clientAuth", []).certPem;
  const creator = create(SerializedIdentitySchema, {
    mspid: "Org1MSP",
    idBytes: utf8(certificate),
  });
  const signatureHeader = create(SignatureHeaderSchema, {
    creator: toBinary(SerializedIdentitySchema, creator),
    nonce: utf8("nonce"),
  });
  const header = create(HeaderSchema, {
    channelHeader: toBinary(
      ChannelHeaderSchema,
      create(ChannelHeaderSchema, { type: HeaderType.ENDORSER_TRANSACTION, channelId: "ch" }),
    ),
    signatureHeader: toBinary(SignatureHeaderSchema, signatureHeader),
  });
  const payload = create(ChaincodeProposalPayloadSchema, { input: utf8("x") });
  const proposal = create(ProposalSchema, {
    header: toBinary(HeaderSchema, header),
    payload: toBinary(ChaincodeProposalPayloadSchema, payload),
  });
  return create(SignedProposalSchema, { proposalBytes: toBinary(ProposalSchema, proposal) });
}

async function* serve(
  requests: AsyncIterable<ChaincodeMessage>,
  onRegistered: (stream: FakeStream) => void,
): AsyncIterable<ChaincodeMessage> {
  const out = new AsyncQueue<ChaincodeMessage>();
  const ended = new Deferred<void>();
  const state = new Map<string, Uint8Array>();
  const calls = new Map<string, Deferred<string>>();
  const proposal = signedProposal();
  let count = 0;
  const send = (type: Type, txid = "", payload: Uint8Array = new Uint8Array()) =>
    out.push(create(ChaincodeMessageSchema, { type, txid, payload, channelId: "ch", proposal }));
  const answer = (message: ChaincodeMessage, payload?: Uint8Array) =>
    send(Type.RESPONSE, message.txid, payload);

  const handle = (message: ChaincodeMessage) => {
    switch (message.type) {
      case Type.REGISTER:
        send(Type.REGISTERED);
        send(Type.READY);
        onRegistered({
          name: fromBinary(ChaincodeIDSchema, message.payload).name,
          ended: ended.promise,
          call(kind, ...args) {
            const txid = `tx${++count}`;
            const result = new Deferred<string>();
            calls.set(txid, result);
            const input = create(ChaincodeInputSchema, { args: args.map((arg) => utf8(arg)) });
            send(
              kind === "init" ? Type.INIT : Type.TRANSACTION,
              txid,
              toBinary(ChaincodeInputSchema, input),
            );
            return withDeadline(result.promise, 15_000, `${kind} ${args[0]}`);
          },
        });
        break;
      case Type.GET_STATE:
        answer(message, state.get(fromBinary(GetStateSchema, message.payload).key));
        break;
      case Type.PUT_STATE: {
        const { key, value } = fromBinary(PutStateSchema, message.payload);
        state.set(key, value);
        answer(message);
        break;
      }
      case Type.DEL_STATE:
        state.delete(fromBinary(DelStateSchema, message.payload).key);
        answer(message);
        break;
      case Type.COMPLETED: {
        const response = fromBinary(ResponseSchema, message.payload);
        const call = calls.get(message.txid);
        if (response.status === 200) call?.resolve(text(response.payload));
        else call?.reject(new Error(response.message));
        break;
      }
      case Type.ERROR:
        calls.get(message.txid)?.reject(new Error(text(message.payload)));
        break;
    }
  };
  void (async () => {
    try {
      for await (const message of requests) handle(message);
    } catch {
      // The chaincode was stopped in the middle of the stream.
    } finally {
      out.close();
      ended.resolve();
      for (const call of calls.values()) call.reject(new Error("the chaincode has gone"));
    }
  })();
  yield* out;
}
