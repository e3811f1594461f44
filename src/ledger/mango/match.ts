/** Whether a document matches a selector. Mirrors mango_selector:match of CouchDB 2.3.1. */
import { compareJson, compareRaw, type Comparison, identical } from "./collation.ts";
import { couchError } from "./errors.ts";
import { getField } from "./field-path.ts";
import { isObject, type JsonValue } from "./json.ts";
import type { Condition, ElementOperator, FieldSelector, Selector, Test } from "./selector.ts";

/** What CouchDB's matcher crashes on; inside of element operators that is "no match". */
class CannotMatch extends Error {}

/** @throws DenimError `bad-rich-query` where CouchDB fails too (a remainder of division by 0) */
export function matches(selector: Selector, document: JsonValue): boolean {
  try {
    return select(selector, document, compareJson);
  } catch (thrown) {
    if (thrown instanceof CannotMatch) throw couchError("unknown_error", thrown.message, 500);
    throw thrown;
  }
}

function select(selector: Selector, value: JsonValue, compare: Comparison): boolean {
  switch (selector.kind) {
    case "all":
      return true;
    case "and":
      return selector.arguments.every((argument) => select(argument, value, compare));
    case "or":
      return selector.arguments.some((argument) => select(argument, value, compare));
    case "not":
      return !select(selector.argument, value, compare);
    case "nor":
      throw new CannotMatch("Invalid operator: $nor");
    case "field":
      return selectField(selector, value, compare);
  }
}

function selectField(selector: FieldSelector, value: JsonValue, compare: Comparison): boolean {
  const { field, path, condition } = selector;
  const found = getField(value, path);
  if (found === "not_found") {
    return condition.kind === "test" && condition.operator === "$exists" &&
      condition.argument === false;
  }
  if (found === "bad_path") return false;
  return satisfies(condition, found.value, field === "_id" ? compareRaw : compare);
}

function satisfies(condition: Condition, value: JsonValue, compare: Comparison): boolean {
  switch (condition.kind) {
    case "not":
      return !satisfies(condition.argument, value, compare);
    case "elements":
      return matchElements(condition.operator, condition.selector, value, compare);
    case "test":
      return passes(condition, value, compare);
  }
}

function matchElements(
  operator: ElementOperator,
  selector: Selector,
  value: JsonValue,
  compare: Comparison,
): boolean {
  const items = operator === "$keyMapMatch"
    ? isObject(value) ? Object.keys(value) : []
    : Array.isArray(value)
    ? value
    : [];
  const matching = (item: JsonValue) => select(selector, item, compare);
  try {
    if (operator === "$allMatch") return items.length > 0 && items.every(matching);
    return items.some(matching);
  } catch (thrown) {
    if (thrown instanceof CannotMatch) return false;
    throw thrown;
  }
}

function passes(test: Test, value: JsonValue, compare: Comparison): boolean {
  const { operator, argument } = test;
  switch (operator) {
    case "$lt":
      return compare(value, argument) < 0;
    case "$lte":
      return compare(value, argument) <= 0;
    case "$eq":
      return compare(value, argument) === 0;
    case "$ne":
      return compare(value, argument) !== 0;
    case "$gte":
      return compare(value, argument) >= 0;
    case "$gt":
      return compare(value, argument) > 0;
    case "$in":
      return isAmong(value, listOf(argument), compare);
    case "$nin":
      return !isAmong(value, listOf(argument), compare);
    case "$exists":
      return argument === true;
    case "$type":
      return argument === typeName(value);
    case "$mod":
      return hasRemainder(value, listOf(argument));
    case "$regex":
      return typeof value === "string" && test.regex !== undefined && test.regex.matches(value);
    case "$beginsWith":
      return typeof value === "string" && value.startsWith(String(argument));
    case "$size":
      return Array.isArray(value) && value.length === Number(argument);
    case "$all":
      return Array.isArray(value) && holdsAll(value, listOf(argument));
  }
}

function listOf(argument: JsonValue): JsonValue[] {
  return Array.isArray(argument) ? argument : [];
}

/** For an array, whether one of its elements is; the array as a whole is not compared. */
function isAmong(value: JsonValue, among: JsonValue[], compare: Comparison): boolean {
  const values = Array.isArray(value) ? value : [value];
  return among.some((argument) => values.some((item) => compare(item, argument) === 0));
}

function holdsAll(values: JsonValue[], wanted: JsonValue[]): boolean {
  if (wanted.every((argument) => values.some((value) => identical(value, argument)))) return true;
  return wanted.length === 1 && Array.isArray(wanted[0]) && identical(wanted[0], values);
}

function hasRemainder(value: JsonValue, [divisor, remainder]: JsonValue[]): boolean {
  if (!Number.isInteger(value) && typeof value !== "bigint") return false;
  if (BigInt(String(divisor)) === 0n) throw new CannotMatch("badarith");
  return BigInt(Number(value)) % BigInt(String(divisor)) === BigInt(String(remainder));
}

function typeName(value: JsonValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "bigint" ? "number" : typeof value;
}
