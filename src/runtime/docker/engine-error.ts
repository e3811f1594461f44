/** What goes wrong between us and the engine, in words that say what to do. */
import { DenimError, messageOf } from "../../base/errors.ts";

/** An answer of the engine that is not a success. */
export function apiError(what: string, thrown: unknown): DenimError {
  const status = property(thrown, "statusCode");
  return new DenimError(
    "docker-failed",
    `${what}: ${engineMessage(thrown)}`,
    { what, status },
    undefined,
    { cause: thrown },
  );
}

/** Codes of errors of the connection itself. */
const broken = new Set(["ECONNREFUSED", "ECONNRESET", "ENOENT", "EPIPE"]);

/** What the engine said, without what its client says about the status; or that it is not there. */
export function engineMessage(thrown: unknown): string {
  const said = property(property(thrown, "json"), "message");
  const text = (typeof said === "string" ? said : messageOf(thrown))
    .replace(/^\(HTTP code \d+\) [\w ]+ - /, "").trim();
  const code = property(thrown, "code");
  return typeof code === "string" && broken.has(code)
    ? `the Docker engine does not answer any more: ${text}`
    : text;
}

/** HTTP status of an engine's refusal, or undefined. */
export function statusOf(thrown: unknown): number | undefined {
  const status = thrown instanceof DenimError
    ? thrown.facts.status
    : property(thrown, "statusCode");
  return typeof status === "number" ? status : undefined;
}

/**
 * Was the engine gone, or is it another one that does not speak the agreed version of the API? Then the
 * connection has to be made anew.
 */
export function lostEngine(thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const code = property(error, "code");
    if (typeof code === "string" && broken.has(code)) return true;
    if (statusOf(error) === 400 && /client version .* is too (old|new)/.test(error.message)) {
      return true;
    }
  }
  return false;
}

/** The engine cannot be reached. */
export function unreachable(endpoint: string, thrown: unknown): DenimError {
  const reason = messageOf(thrown);
  const code = property(thrown, "code");
  const hint = code === "EACCES" || /permission denied/i.test(reason)
    ? "Give this user access to the socket (group docker), or use the process runtime."
    : "Start Docker, set vm.endpoint (CORE_VM_ENDPOINT) to a running engine, or use the process runtime.";
  return new DenimError(
    "docker-unreachable",
    `no Docker engine answers at ${endpoint === "" ? "(no vm.endpoint)" : endpoint}: ${reason}`,
    { endpoint },
    hint,
    { cause: thrown },
  );
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
