/**
 * Selectors in CouchDB's normal form: fields pushed down to the tests, negations too. The form
 * decides what matches (`$not` on a missing field does not) and which index serves a query.
 * Mirrors mango_selector:normalize of CouchDB 2.3.1, with the operators of later versions.
 */
import { badArgument, couchError, erlangText } from "./errors.ts";
import { parseField } from "./field-path.ts";
import { fieldNames, isObject, type JsonObject, type JsonValue } from "./json.ts";
import { compileRegex, type Regex } from "./regex/regex.ts";

export type TestOperator =
  | "$lt"
  | "$lte"
  | "$eq"
  | "$ne"
  | "$gte"
  | "$gt"
  | "$in"
  | "$nin"
  | "$exists"
  | "$type"
  | "$mod"
  | "$regex"
  | "$all"
  | "$size"
  | "$beginsWith";
export type ElementOperator = "$elemMatch" | "$allMatch" | "$keyMapMatch";

export interface Test {
  readonly kind: "test";
  readonly operator: TestOperator;
  readonly argument: JsonValue;
  readonly regex?: Regex;
}

/** What a field must satisfy. */
export type Condition =
  | Test
  | { readonly kind: "elements"; readonly operator: ElementOperator; readonly selector: Selector }
  | { readonly kind: "not"; readonly argument: Condition };

export interface FieldSelector {
  readonly kind: "field";
  /** As written, parts joined by dots. */
  readonly field: string;
  /** Empty: the value itself. */
  readonly path: readonly string[];
  readonly condition: Condition;
}

export type Selector =
  | { readonly kind: "all" }
  | { readonly kind: "and" | "or" | "nor"; readonly arguments: readonly Selector[] }
  | { readonly kind: "not"; readonly argument: Selector }
  | FieldSelector;

/** Levels of a selector; deeper ones are refused. */
export const maxSelectorDepth = 200;

const unsupported = ["$where", "$geoWithin", "$geoIntersects", "$near", "$nearSphere"];
const combinations = new Map<string, "and" | "or" | "nor">([
  ["$and", "and"],
  ["$or", "or"],
  ["$nor", "nor"],
]);
const isInteger = (value: JsonValue) => typeof value === "bigint" || Number.isInteger(value);
const isString = (value: JsonValue) => typeof value === "string";
const anything = () => true;

const argumentChecks: Readonly<Record<TestOperator, (argument: JsonValue) => boolean>> = {
  $lt: anything,
  $lte: anything,
  $eq: anything,
  $ne: anything,
  $gte: anything,
  $gt: anything,
  $in: Array.isArray,
  $nin: Array.isArray,
  $exists: (argument) => typeof argument === "boolean",
  $type: isString,
  $mod: (argument) => Array.isArray(argument) && argument.length === 2 && argument.every(isInteger),
  $regex: isString,
  $all: Array.isArray,
  $size: (argument) => isInteger(argument) && Number(argument) >= 0,
  $beginsWith: isString,
};

function isTestOperator(name: string): name is TestOperator {
  return Object.hasOwn(argumentChecks, name);
}

function isElementOperator(name: string): name is ElementOperator {
  return name === "$elemMatch" || name === "$allMatch" || name === "$keyMapMatch";
}

/** Where the walk is: the fields above. */
interface Place {
  readonly field: string;
  readonly path: readonly string[];
  readonly depth: number;
}

const root: Place = { field: "", path: [], depth: 0 };

function deeper(place: Place): Place {
  if (place.depth >= maxSelectorDepth) {
    throw couchError("invalid_selector", `Selector is nested deeper than ${maxSelectorDepth}`);
  }
  return { ...place, depth: place.depth + 1 };
}

function at(place: Place, condition: Condition): FieldSelector {
  return { kind: "field", field: place.field, path: place.path, condition };
}

function test(operator: TestOperator, argument: JsonValue): Test {
  if (!argumentChecks[operator](argument)) throw badArgument(operator, argument);
  if (operator !== "$regex") return { kind: "test", operator, argument };
  return { kind: "test", operator, argument, regex: compileRegex(argument as string) };
}

function read(value: JsonValue, place: Place): Selector {
  const names = isObject(value) ? fieldNames(value) : [];
  if (names.length === 0) return at(place, test("$eq", value));
  const object = value as JsonObject;
  if (names.length === 1) return readField(names[0], object[names[0]], place);
  return { kind: "and", arguments: names.map((name) => readField(name, object[name], place)) };
}

function readField(name: string, argument: JsonValue, above: Place): Selector {
  const place = deeper(above);
  const combination = combinations.get(name);
  if (combination !== undefined) {
    if (!Array.isArray(argument)) throw badArgument(name, argument);
    return { kind: combination, arguments: argument.map((item) => read(item, place)) };
  }
  if (name === "$not") {
    if (!isObject(argument)) throw badArgument(name, argument);
    return { kind: "not", argument: read(argument, place) };
  }
  if (isElementOperator(name)) {
    if (!isObject(argument)) throw badArgument(name, argument);
    const selector = read(argument, { ...root, depth: place.depth });
    return at(place, { kind: "elements", operator: name, selector });
  }
  if (isTestOperator(name)) return at(place, test(name, argument));
  if (unsupported.includes(name)) {
    throw couchError("not_supported", `Unsupported operator: ${name}`);
  }
  if (name.startsWith("$")) throw couchError("invalid_operator", `Invalid operator: ${name}`);
  if (name === "" && place.path.length === 0) return read(argument, place);
  const field = place.field === "" ? name : `${place.field}.${name}`;
  return read(argument, { ...place, field, path: [...place.path, ...parseField(name)] });
}

const opposites: Partial<Record<TestOperator, TestOperator>> = {
  $lt: "$gte",
  $lte: "$gt",
  $eq: "$ne",
  $ne: "$eq",
  $gte: "$lt",
  $gt: "$lte",
  $in: "$nin",
  $nin: "$in",
};

function negated(condition: Condition): Condition {
  if (condition.kind !== "test") return { kind: "not", argument: condition };
  const { operator, argument } = condition;
  if (operator === "$exists") return { ...condition, argument: argument === false };
  const opposite = opposites[operator];
  return opposite ? { ...condition, operator: opposite } : { kind: "not", argument: condition };
}

function negate(selector: Selector): Selector {
  switch (selector.kind) {
    case "all":
      return selector;
    case "not":
      return pushNegations(selector.argument);
    case "nor":
      return { kind: "or", arguments: selector.arguments.map(pushNegations) };
    case "and":
      return { kind: "or", arguments: selector.arguments.map(negate) };
    case "or":
      return { kind: "and", arguments: selector.arguments.map(negate) };
    case "field":
      return { ...selector, condition: negated(selector.condition) };
  }
}

/** Not below `$elemMatch` and its like: CouchDB leaves those as they are. */
function pushNegations(selector: Selector): Selector {
  switch (selector.kind) {
    case "not":
      return negate(selector.argument);
    case "nor":
      return { kind: "and", arguments: selector.arguments.map(negate) };
    case "and":
    case "or":
      return { kind: selector.kind, arguments: selector.arguments.map(pushNegations) };
    default:
      return selector;
  }
}

/** @throws DenimError `bad-rich-query` with CouchDB's reason */
export function normalize(selector: JsonValue): Selector {
  if (!isObject(selector)) {
    const reason = `Selector must be a JSON object, not: ${erlangText(selector)}`;
    throw couchError("invalid_selector_json", reason);
  }
  if (Object.keys(selector).length === 0) return { kind: "all" };
  const normal = pushNegations(read(selector, root));
  if (normal.kind === "field" && normal.path.length === 0) {
    throw couchError("invalid_selector", "One or more conditions is missing a field name.");
  }
  return normal;
}
