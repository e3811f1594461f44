/** Rich queries (JSON selectors): where an engine plugs in. Without one the store answers as LevelDB. */
import { DenimError } from "../../base/errors.ts";
import type { EntryCursor, StateView } from "../state/state-store.ts";
import type { Database } from "../storage/database.ts";

/** Committed state with the tables beside it, all at one height. */
export interface IndexedState extends StateView {
  readonly database: Database;
}

export interface RichQueryPage {
  readonly cursor: EntryCursor;
  /** Where the next page begins; read after the cursor is at its end. */
  bookmark(): string;
}

export interface RichQueryEngine {
  /** @throws DenimError with the text that the chaincode sees */
  query(view: IndexedState, namespace: string, query: string): EntryCursor;
  /** @param pageSize 0 for no limit */
  queryPage(
    view: IndexedState,
    namespace: string,
    query: string,
    bookmark: string,
    pageSize: number,
  ): RichQueryPage;
}

function unsupported(what: string): DenimError {
  return new DenimError("query-unsupported", `${what} not supported for leveldb`);
}

/** Refuses with LevelDB's words. */
export const noRichQueries: RichQueryEngine = {
  query: () => {
    throw unsupported("ExecuteQuery");
  },
  queryPage: () => {
    throw unsupported("ExecuteQueryWithMetadata");
  },
};
