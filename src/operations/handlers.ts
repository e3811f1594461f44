/** What the operations listener answers. Mirrors core/operations and common/flogging/httpadmin. */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { LogWriter } from "../base/log-writer.ts";
import { expositionContentType } from "./exposition.ts";
import type { HealthChecks } from "./health.ts";
import type { HttpAnswer, HttpHandler } from "./http-listener.ts";

function json(status: number, value: unknown): HttpAnswer {
  return { status, contentType: "application/json", body: JSON.stringify(value) };
}

/** `GET /healthz`: 200, 503 with what failed, or 408 where the checks take too long. */
export function healthHandler(checks: HealthChecks, clock: Clock): HttpHandler {
  return async ({ method }) => {
    if (method !== "GET") return { status: 405 };
    const failed = await checks.run();
    if (failed === "late") return { status: 408 };
    const time = new Date(clock.now()).toISOString();
    return failed.length === 0
      ? json(200, { status: "OK", time })
      : json(503, { status: "Service Unavailable", time, failed_checks: failed });
  };
}

/** `GET /metrics`. */
export function metricsHandler(provider: { text(): string }): HttpHandler {
  return () => ({ status: 200, contentType: expositionContentType, body: provider.text() });
}

/** `GET` and `PUT /logspec`: `{"spec":"info:endorser=debug"}`. */
export function logSpecHandler(log: Pick<LogWriter, "spec" | "activate">): HttpHandler {
  return ({ method, body }) => {
    // Go's encoder ends its answers with a new line.
    const answer = (status: number, value: unknown): HttpAnswer => {
      const written = json(status, value);
      return { ...written, body: `${written.body}\n` };
    };
    if (method === "GET") return answer(200, { spec: log.spec.text });
    if (method !== "PUT") return answer(400, { error: `invalid request method: ${method}` });
    try {
      log.activate(specOf(body));
      return { status: 204 };
    } catch (error) {
      return answer(400, { error: messageOf(error) });
    }
  };
}

/** `GET /version`, as Fabric has it from 2.0 on. */
export function versionHandler(version: string, commitSha: string): HttpHandler {
  return ({ method }) =>
    method === "GET"
      ? json(200, { ...(commitSha === "" ? {} : { CommitSHA: commitSha }), Version: version })
      : json(400, { Error: `invalid request method: ${method}` });
}

/** The specification in a request; "" where it names none, as Go reads it. @throws Error */
function specOf(body: string): string {
  const value = parsed(body.trim());
  if (value === null) return "";
  if (typeof value !== "object" || Array.isArray(value)) {
    const kind = Array.isArray(value) ? "array" : typeof value;
    throw new Error(`json: cannot unmarshal ${kind} into Go value of type httpadmin.LogSpec`);
  }
  const named = Object.entries(value).findLast(([name]) => name.toLowerCase() === "spec");
  const spec: unknown = named?.[1] ?? "";
  if (typeof spec === "string") return spec;
  throw new Error(
    `json: cannot unmarshal ${typeof spec} into Go struct field LogSpec.spec of type string`,
  );
}

/** What Go says about texts that are not JSON, as far as people meet it. */
function parsed(text: string): unknown {
  if (text === "") throw new Error("EOF");
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/^[[{"tfn\-0-9]/.test(text)) {
      throw new Error(`invalid character '${text[0]}' looking for beginning of value`);
    }
    const position = /at position (\d+)/.exec(messageOf(error))?.[1];
    if (position === undefined || Number(position) >= text.length) {
      throw new Error("unexpected EOF");
    }
    throw error;
  }
}
