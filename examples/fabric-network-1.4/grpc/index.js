/**
 * Stands in for the package `grpc` 1.24, whose native code cannot be built everywhere: fabric-client
 * 1.4 needs credentials and `loadObject` for ProtoBuf.js 5, the rest of its transport is
 * @grpc/grpc-js. To be used as an npm override of `grpc`.
 */
"use strict";

const { Buffer } = require("node:buffer");
const { credentials, makeGenericClientConstructor, Metadata, status } = require("@grpc/grpc-js");

/** `a.b.Name` of a ProtoBuf.js 5 definition. */
function fullName(definition) {
  if (!definition) return "";
  const parent = fullName(definition.parent);
  return parent === "" ? definition.name : `${parent}.${definition.name}`;
}

/** ProtoBuf.js 5 gives what it decodes as instances of its classes; callers expect plain objects. */
function codec(type) {
  const Message = type.build();
  return {
    serialize: (value) => Buffer.from(new Message(value).encode().toBuffer()),
    deserialize: (bytes) => Message.decode(bytes).toRaw(false, true),
  };
}

function clientOf(service) {
  const name = fullName(service);
  const methods = Object.fromEntries(service.children.map((method) => {
    const request = codec(method.resolvedRequestType);
    const response = codec(method.resolvedResponseType);
    return [method.name[0].toLowerCase() + method.name.slice(1), {
      path: `/${name}/${method.name}`,
      originalName: method.name,
      requestStream: method.requestStream,
      responseStream: method.responseStream,
      requestSerialize: request.serialize,
      requestDeserialize: request.deserialize,
      responseSerialize: response.serialize,
      responseDeserialize: response.deserialize,
    }];
  }));
  const Client = makeGenericClientConstructor(methods, name);
  for (const [method, { requestStream, responseStream }] of Object.entries(methods)) {
    if (!requestStream || !responseStream) continue;
    const open = Client.prototype[method];
    Client.prototype[method] = function (...args) {
      return withReading(open.apply(this, args));
    };
  }
  return Client;
}

/** fabric-client asks a stream whether it is `reading`: here it always is, until it ends. */
function withReading(stream) {
  Object.defineProperty(stream, "reading", {
    get: () => !stream.readableEnded && !stream.destroyed,
  });
  return stream;
}

/** Classes of a ProtoBuf.js 5 namespace, with a client class for every service. */
function loadObject(value) {
  if (!value) return value;
  if (Object.hasOwn(value, "ns")) return loadObject(value.ns);
  switch (value.className) {
    case "Namespace":
      return Object.fromEntries(value.children.map((child) => [child.name, loadObject(child)]));
    case "Service":
      return clientOf(value);
    case "Message":
    case "Enum":
      return value.build();
    default:
      return value;
  }
}

module.exports = { credentials, loadObject, Metadata, status };
