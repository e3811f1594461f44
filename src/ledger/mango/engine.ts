/**
 * Rich queries on the built-in store: CouchDB's query language with CouchDB's results. As in Fabric,
 * a query's results are reads, but the query itself is not made again when the block commits.
 * Mirrors the query part of statecouchdb.go (queryScanner).
 */
import { DenimError } from "../../base/errors.ts";
import type { IndexedState, RichQueryEngine, RichQueryPage } from "../query/rich-query.ts";
import type { EntryCursor, StoredEntry } from "../state/state-store.ts";
import { decodeBookmark, encodeBookmark, type Position } from "./bookmark.ts";
import { indexesOf, type StoredIndex } from "./index-store.ts";
import type { JsonObject } from "./json.ts";
import { plan } from "./planner.ts";
import { project } from "./projection.ts";
import { parseQuery, type QueryOptions } from "./query-options.ts";
import { type Hit, type Scan, scanAll, scanIndex } from "./scan.ts";

export interface MangoOptions {
  /**
   * `ledger.state.couchDBConfig.internalQueryLimit`: results that statecouchdb takes from CouchDB at
   * once. It shows where a query has a `skip`: Fabric skips again in each batch.
   */
  readonly internalQueryLimit: number;
  /**
   * Whether values that are not JSON objects answer selectors that ask nothing of their fields, as
   * they do in CouchDB, where they are documents with an attachment. Otherwise they never match.
   */
  readonly binaryDocuments: boolean;
}

const attachment: JsonObject = {
  valueBytes: { content_type: "application/octet-stream", stub: true },
};

/** What CouchDB answers with where no page began: its `nil`. */
const noPosition = "nil";

class QueryCursor implements EntryCursor {
  #returned = 0;
  #last: Position | undefined;
  #ended = false;

  constructor(
    readonly hits: Iterator<Hit>,
    readonly options: QueryOptions,
    readonly batch: number,
    readonly limit: number,
    /** The bookmark of a page without results. */
    readonly unmoved: string,
  ) {}

  next(): StoredEntry | undefined {
    if (this.#ended || this.limit > 0 && this.#returned >= this.limit) return undefined;
    const skip = this.#returned % this.batch === 0 ? this.options.skip : 0;
    for (let i = 0; i < skip; i++) if (this.#pull() === undefined) return undefined;
    const found = this.#pull();
    if (found === undefined) return undefined;
    this.#returned++;
    const { fields } = this.options;
    if (fields === undefined) return found.entry;
    return { ...found.entry, value: project(found.document, fields) };
  }

  bookmark(): string {
    return this.#last ? encodeBookmark(this.#last) : this.unmoved;
  }

  #pull(): Hit | undefined {
    const { value, done } = this.hits.next();
    if (done) {
      this.#ended = true;
      return undefined;
    }
    this.#last = value.position;
    return value;
  }
}

/** After a bookmark the result it names is left out, or what now stands in its place. */
function* withoutFirst(hits: Generator<Hit>): Generator<Hit> {
  if (!hits.next().done) yield* hits;
}

function checkStart(start: Position | undefined, index: StoredIndex | undefined, text: string) {
  if (start === undefined || Array.isArray(start.key) === (index !== undefined)) return;
  throw new DenimError(
    "bad-rich-query",
    `Invalid bookmark value: ${JSON.stringify(text)}`,
    { bookmark: text },
    "The bookmark is of a query that used another index.",
  );
}

export function createMangoEngine(
  { internalQueryLimit, binaryDocuments }: MangoOptions,
): RichQueryEngine {
  function open(
    view: IndexedState,
    namespace: string,
    query: string,
    pageBookmark: string,
    pageSize: number,
  ): QueryCursor {
    const options = parseQuery(query);
    const indexes = indexesOf(view.database, namespace);
    const { index, ranges } = plan(options, indexes);
    const bookmark = pageBookmark || options.bookmark;
    const start = bookmark === "" ? undefined : decodeBookmark(bookmark);
    const stored = indexes.find((candidate) => candidate === index);
    checkStart(start, stored, bookmark);
    const scan: Scan = {
      view,
      namespace,
      selector: options.selector,
      descending: options.descending,
      start,
      binary: binaryDocuments ? (key) => ({ _id: key, _attachments: attachment }) : undefined,
    };
    const hits = ranges === undefined
      ? noHits()
      : stored
      ? scanIndex(scan, stored, ranges)
      : scanAll(scan, ranges[0]);
    const rest = start ? withoutFirst(hits) : hits;
    const unmoved = ranges === undefined ? "" : bookmark || noPosition;
    return new QueryCursor(rest, options, internalQueryLimit, pageSize, unmoved);
  }
  return {
    query: (view, namespace, query) => open(view, namespace, query, "", 0),
    queryPage: (view, namespace, query, bookmark, pageSize): RichQueryPage => {
      const cursor = open(view, namespace, query, bookmark, pageSize);
      return { cursor, bookmark: () => cursor.bookmark() };
    },
  };
}

function* noHits(): Generator<Hit> {}
