/** OpenTelemetry's standard variables (`OTEL_*`), as far as they concern traces. */
import { DenimError } from "../base/errors.ts";
import { type SamplerName, samplerNames } from "./sampler.ts";

export type OtlpProtocol = "http/protobuf" | "http/json";

export interface TelemetrySettings {
  /** Where spans are posted, with the path. */
  readonly url: string;
  readonly protocol: OtlpProtocol;
  readonly headers: Readonly<Record<string, string>>;
  readonly gzip: boolean;
  /** For one export, repetitions included. */
  readonly timeoutMs: number;
  /** Files in PEM; "" = none. */
  readonly certificateFile: string;
  readonly clientCertificateFile: string;
  readonly clientKeyFile: string;
  /** Attributes of this program. */
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: { readonly name: SamplerName; readonly ratio: number };
  /** Spans that wait at most; further ones are dropped. */
  readonly maxQueuedSpans: number;
  readonly maxSpansPerExport: number;
  /** A span waits so long at most until it is exported. */
  readonly exportDelayMs: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

export const defaultServiceName = "denim-peer";
const defaultEndpoint = "http://localhost:4318";

/**
 * Undefined where traces are not wanted: without an endpoint (or `OTEL_TRACES_EXPORTER=otlp`), and
 * where `OTEL_SDK_DISABLED` is true or `OTEL_TRACES_EXPORTER` is none.
 * @throws DenimError `invalid-telemetry-settings` for what cannot be followed; traces are off then
 */
export function telemetrySettings(environment: Environment): TelemetrySettings | undefined {
  // An empty variable counts as unset.
  const read = (name: string) => environment[name]?.trim() || undefined;
  const ofTraces = (name: string) =>
    read(`OTEL_EXPORTER_OTLP_TRACES_${name}`) ?? read(`OTEL_EXPORTER_OTLP_${name}`);
  if (read("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return undefined;
  const exporter = read("OTEL_TRACES_EXPORTER");
  if (exporter === "none") return undefined;
  const own = read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  const base = read("OTEL_EXPORTER_OTLP_ENDPOINT");
  if (own === undefined && base === undefined && exporter === undefined) return undefined;
  if (exporter !== undefined && exporter !== "otlp") {
    throw invalid("OTEL_TRACES_EXPORTER", exporter, "only otlp and none are supported");
  }
  return {
    url: own === undefined
      ? endpoint("OTEL_EXPORTER_OTLP_ENDPOINT", base ?? defaultEndpoint, "v1/traces")
      : endpoint("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", own, ""),
    protocol: protocolOf(ofTraces("PROTOCOL") ?? "http/protobuf"),
    headers: pairs(ofTraces("HEADERS") ?? "", "OTEL_EXPORTER_OTLP_HEADERS"),
    gzip: compressionOf(ofTraces("COMPRESSION") ?? "none"),
    timeoutMs: count(ofTraces("TIMEOUT"), "OTEL_EXPORTER_OTLP_TIMEOUT", 10_000),
    certificateFile: ofTraces("CERTIFICATE") ?? "",
    clientCertificateFile: ofTraces("CLIENT_CERTIFICATE") ?? "",
    clientKeyFile: ofTraces("CLIENT_KEY") ?? "",
    resource: resourceOf(read("OTEL_RESOURCE_ATTRIBUTES") ?? "", read("OTEL_SERVICE_NAME")),
    sampler: samplerOf(read("OTEL_TRACES_SAMPLER"), read("OTEL_TRACES_SAMPLER_ARG")),
    maxQueuedSpans: count(read("OTEL_BSP_MAX_QUEUE_SIZE"), "OTEL_BSP_MAX_QUEUE_SIZE", 2_048),
    maxSpansPerExport: count(
      read("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
      "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
      512,
    ),
    exportDelayMs: count(read("OTEL_BSP_SCHEDULE_DELAY"), "OTEL_BSP_SCHEDULE_DELAY", 5_000, 0),
  };
}

function endpoint(variable: string, given: string, path: string): string {
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    throw invalid(variable, given, "not a URL; give one as http://collector:4318");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw invalid(variable, given, "only http:// and https:// are supported");
  }
  if (path !== "") url.pathname = `${url.pathname.replace(/\/*$/, "")}/${path}`;
  return url.href;
}

function protocolOf(given: string): OtlpProtocol {
  if (given === "http/protobuf" || given === "http/json") return given;
  throw invalid(
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    given,
    "only http/protobuf and http/json are supported; collectors take them at port 4318",
  );
}

function compressionOf(given: string): boolean {
  if (given === "gzip" || given === "none") return given === "gzip";
  throw invalid("OTEL_EXPORTER_OTLP_COMPRESSION", given, "only gzip and none are supported");
}

function samplerOf(given: string | undefined, argument: string | undefined) {
  const wanted = given ?? "parentbased_always_on";
  const name = samplerNames.find((known) => known === wanted);
  if (name === undefined) {
    throw invalid("OTEL_TRACES_SAMPLER", wanted, `use one of ${samplerNames.join(", ")}`);
  }
  const ratio = argument === undefined ? 1 : Number(argument);
  if (!(ratio >= 0 && ratio <= 1)) {
    throw invalid("OTEL_TRACES_SAMPLER_ARG", argument ?? "", "give a number from 0 to 1");
  }
  return { name, ratio };
}

function resourceOf(attributes: string, serviceName: string | undefined): Record<string, string> {
  const given = pairs(attributes, "OTEL_RESOURCE_ATTRIBUTES");
  return { ...given, "service.name": serviceName ?? given["service.name"] ?? defaultServiceName };
}

/** `a=1,b=two%20words` */
function pairs(list: string, variable: string): Record<string, string> {
  const parsed: Record<string, string> = {};
  for (const pair of list.split(",")) {
    if (pair.trim() === "") continue;
    const equals = pair.indexOf("=");
    const name = equals < 0 ? "" : pair.slice(0, equals).trim();
    // The values may be secrets and are not shown.
    if (name === "") throw invalid(variable, "…", "give pairs as name=value,name=value");
    const value = pair.slice(equals + 1).trim();
    try {
      parsed[name] = decodeURIComponent(value);
    } catch {
      parsed[name] = value;
    }
  }
  return parsed;
}

function count(given: string | undefined, variable: string, standard: number, least = 1): number {
  if (given === undefined) return standard;
  const value = Number(given);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw invalid(variable, given, `give a whole number from ${least}`);
}

function invalid(variable: string, given: string, why: string): DenimError {
  return new DenimError(
    "invalid-telemetry-settings",
    `no traces are exported: ${variable}=${given}: ${why}`,
    { variable },
  );
}
