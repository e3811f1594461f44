/** Registers what has to be closed when its owner closes, last made first. */
export type Owned = <T>(value: T, close: (value: T) => Promise<void> | void) => T;
