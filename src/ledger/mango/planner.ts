/**
 * Which index answers a query. The choice decides the order of the results, so it is CouchDB's own.
 * Mirrors mango_idx, mango_idx_view, mango_idx_special and mango_cursor_view of CouchDB 2.3.1.
 */
import { compareUtf8 } from "../../base/bytes.ts";
import { compareJson } from "./collation.ts";
import { couchError } from "./errors.ts";
import type { IndexDefinition } from "./index-definition.ts";
import type { JsonValue } from "./json.ts";
import type { QueryOptions } from "./query-options.ts";
import type { FieldSelector, Selector, TestOperator } from "./selector.ts";

/** Values of one column; an end that is undefined is open. Ends are included: selectors decide. */
export interface ColumnRange {
  readonly low?: JsonValue;
  readonly high?: JsonValue;
}

export interface Plan {
  /** Undefined: all documents in the order of their ids. */
  readonly index: IndexDefinition | undefined;
  /** Ranges of the first columns; undefined where nothing can match. */
  readonly ranges: readonly ColumnRange[] | undefined;
}

const comparisons: readonly TestOperator[] = ["$lt", "$lte", "$eq", "$gt", "$gte"];

/** Comparisons that every match satisfies: what `$and` combines at the top. */
function comparisonsOf(selector: Selector): FieldSelector[] {
  if (selector.kind === "and") return selector.arguments.flatMap(comparisonsOf);
  const indexable = selector.kind === "field" && selector.condition.kind === "test" &&
    comparisons.includes(selector.condition.operator);
  return indexable ? [selector] : [];
}

interface Bounds {
  low?: { value: JsonValue; included: boolean };
  high?: { value: JsonValue; included: boolean };
}

function narrow(bounds: Bounds, operator: TestOperator, value: JsonValue): void {
  const included = operator === "$eq" || operator === "$gte" || operator === "$lte";
  if (operator === "$eq" || operator === "$gt" || operator === "$gte") {
    const order = bounds.low ? compareJson(value, bounds.low.value) : 1;
    if (order > 0 || order === 0 && !included) bounds.low = { value, included };
  }
  if (operator === "$eq" || operator === "$lt" || operator === "$lte") {
    const order = bounds.high ? compareJson(value, bounds.high.value) : -1;
    if (order < 0 || order === 0 && !included) bounds.high = { value, included };
  }
}

function isEmpty({ low, high }: Bounds): boolean {
  if (!low || !high) return false;
  const order = compareJson(low.value, high.value);
  return order > 0 || order === 0 && !(low.included && high.included);
}

/** Undefined for a field that nothing can satisfy. */
type Ranges = ReadonlyMap<string, ColumnRange | undefined>;

function rangesOf(selector: Selector): Ranges {
  const all = new Map<string, Bounds>();
  for (const { field, condition } of comparisonsOf(selector)) {
    if (condition.kind !== "test") continue;
    const bounds = all.get(field) ?? {};
    all.set(field, bounds);
    narrow(bounds, condition.operator, condition.argument);
  }
  const ranges = [...all].map(([field, bounds]): [string, ColumnRange | undefined] => [
    field,
    isEmpty(bounds) ? undefined : { low: bounds.low?.value, high: bounds.high?.value },
  ]);
  // The first of them by name is all that CouchDB goes on with.
  const impossible = ranges.filter(([, range]) => range === undefined)
    .sort(([a], [b]) => compareUtf8(a, b));
  return new Map(impossible.length > 0 ? impossible.slice(0, 1) : ranges);
}

/** Fields of `required` that a match need not have. */
function unrequired(selector: Selector, required: readonly string[]): readonly string[] {
  switch (selector.kind) {
    case "and":
      return selector.arguments.reduce((left, argument) => unrequired(argument, left), required);
    case "or":
      return required.filter((field) =>
        selector.arguments.some((argument) => unrequired(argument, [field]).length > 0)
      );
    case "field": {
      const { condition } = selector;
      const absent = condition.kind === "test" && condition.operator === "$exists" &&
        condition.argument === false;
      return absent ? required : required.filter((field) => field !== selector.field);
    }
    default:
      return required;
  }
}

function isConstant(selector: Selector, field: string): boolean {
  return comparisonsOf(selector).some((comparison) =>
    comparison.field === field && comparison.condition.kind === "test" &&
    comparison.condition.operator === "$eq"
  );
}

function sortsBy(
  columns: readonly string[],
  sort: readonly string[],
  selector: Selector,
): boolean {
  if (sort.length === 0) return true;
  for (let i = 0; i < columns.length; i++) {
    if (columns[i] === sort[0]) return sort.every((field, j) => columns[i + j] === field);
    if (!isConstant(selector, columns[i])) return false;
  }
  return false;
}

function isUsable(index: IndexDefinition, { selector, sort }: QueryOptions): boolean {
  const required = index.columns.filter((column) =>
    !sort.includes(column) && column !== "_id" && column !== "_rev"
  );
  return unrequired(selector, required).length === 0 && sortsBy(index.columns, sort, selector);
}

function allDocumentsUsable({ selector, sort }: QueryOptions): boolean {
  if (sort.length === 0) return true;
  return sort.length === 1 && sort[0] === "_id" &&
    comparisonsOf(selector).some(({ field }) => field === "_id");
}

function isNamed(index: IndexDefinition, [design, name]: readonly string[]): boolean {
  if (design === undefined) return false;
  const designDocument = design.startsWith("_design/") ? design : `_design/${design}`;
  return index.designDocument === designDocument && (name === undefined || index.name === name);
}

interface Candidate {
  readonly index: IndexDefinition | undefined;
  readonly columns: readonly string[];
  readonly prefix: readonly (ColumnRange | undefined)[];
}

function candidate(index: IndexDefinition | undefined, ranges: Ranges): Candidate {
  const columns = index?.columns ?? ["_id"];
  const open = columns.findIndex((column) => !ranges.has(column));
  const covered = open < 0 ? columns : columns.slice(0, open);
  return { index, columns, prefix: covered.map((column) => ranges.get(column)) };
}

/** Most of the selector in the range, then fewest columns, then name; all documents before others. */
function better(a: Candidate, b: Candidate): number {
  return b.prefix.length - a.prefix.length || a.columns.length - b.columns.length ||
    compareUtf8(a.index?.designDocument ?? "", b.index?.designDocument ?? "") ||
    compareUtf8(a.index?.name ?? "", b.index?.name ?? "");
}

/** @throws DenimError `bad-rich-query` (no_usable_index) where no index has the sort's order */
export function plan(options: QueryOptions, indexes: readonly IndexDefinition[]): Plan {
  const usable: (IndexDefinition | undefined)[] = indexes.filter((index) =>
    (index.partialFilter === undefined || isNamed(index, options.useIndex)) &&
    isUsable(index, options)
  );
  const named = usable.filter((index) => index && isNamed(index, options.useIndex));
  if (allDocumentsUsable(options)) usable.push(undefined);
  if (usable.length === 0) {
    throw couchError(
      "no_usable_index",
      "No index exists for this sort, try indexing by the sort fields.",
      400,
      `Add an index on ${
        options.sort.join(", ")
      } under META-INF/statedb/couchdb/indexes of the chaincode.`,
    );
  }
  const ranges = rangesOf(options.selector);
  const [best] = (named.length > 0 ? named : usable)
    .map((index) => candidate(index, ranges))
    .sort(better);
  const possible = best.prefix.every((range) => range !== undefined);
  return { index: best.index, ranges: possible ? best.prefix as ColumnRange[] : undefined };
}
