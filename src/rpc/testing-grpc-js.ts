/** The reference implementation (npm @grpc/grpc-js, which Fabric's SDKs use) on our generated services, for tests. */
import { Buffer } from "node:buffer";
import * as grpc from "@grpc/grpc-js";
import { type DescMethod, type DescService, fromBinary, toBinary } from "@bufbuild/protobuf";

/** A grpc-js service definition for a generated service. */
export function grpcJsDefinition(service: DescService): grpc.ServiceDefinition {
  const entries = Object.entries(service.method).map(([name, method]: [string, DescMethod]) => {
    const streamsIn = method.methodKind === "bidi_streaming" ||
      method.methodKind === "client_streaming";
    const streamsOut = method.methodKind === "bidi_streaming" ||
      method.methodKind === "server_streaming";
    return [name, {
      path: `/${service.typeName}/${method.name}`,
      requestStream: streamsIn,
      responseStream: streamsOut,
      requestSerialize: (value: never) => Buffer.from(toBinary(method.input, value)),
      requestDeserialize: (bytes: Uint8Array) => fromBinary(method.input, bytes),
      responseSerialize: (value: never) => Buffer.from(toBinary(method.output, value)),
      responseDeserialize: (bytes: Uint8Array) => fromBinary(method.output, bytes),
    }];
  });
  return Object.fromEntries(entries);
}

/** A running grpc-js server. */
export async function grpcJsServer(
  service: DescService,
  handlers: grpc.UntypedServiceImplementation,
  credentials = grpc.ServerCredentials.createInsecure(),
): Promise<{ address: string; server: grpc.Server }> {
  const server = new grpc.Server({ "grpc.max_receive_message_length": 100 * 1024 * 1024 });
  server.addService(grpcJsDefinition(service), handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  return { address: `127.0.0.1:${port}`, server };
}

/** A grpc-js client. */
export function grpcJsClient(
  address: string,
  credentials = grpc.credentials.createInsecure(),
): grpc.Client {
  return new grpc.Client(address, credentials, {
    "grpc.max_receive_message_length": 100 * 1024 * 1024,
    "grpc.max_send_message_length": 100 * 1024 * 1024,
    "grpc.enable_retries": 0,
  });
}

/** A unary call of a grpc-js client as a promise. */
export function grpcJsUnary<O>(
  client: grpc.Client,
  service: DescService,
  name: string,
  request: unknown,
  options: grpc.CallOptions = {},
): Promise<O> {
  const method = grpcJsDefinition(service)[name];
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      new grpc.Metadata(),
      options,
      (error, value) => error ? reject(error) : resolve(value as O),
    );
  });
}

/** A bidirectional call of a grpc-js client. */
export function grpcJsBidi<I, O>(
  client: grpc.Client,
  service: DescService,
  name: string,
): grpc.ClientDuplexStream<I, O> {
  const method = grpcJsDefinition(service)[name];
  return client.makeBidiStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    new grpc.Metadata(),
  );
}

export { grpc };
