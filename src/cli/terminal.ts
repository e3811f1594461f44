/** The process as commands see it: where to read and print. Tests hand in their own. */
export interface Terminal {
  /** Results, and nothing else. */
  out(text: string): void;
  /** Bytes of a result, unchanged. */
  outBytes(bytes: Uint8Array): void;
  /** Logs, progress, errors. */
  err(text: string): void;
  readonly isTerminal: boolean;
  /** Width of the terminal in characters; undefined where it is not known. */
  readonly columns?: () => number;
  /** Its height in lines, likewise. */
  readonly rows?: () => number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** Aborts on SIGINT or SIGTERM once a command asked for that with `onInterruption`. */
  readonly interrupted: AbortSignal;
  /**
   * From now on SIGINT and SIGTERM abort the signal instead of ending the process.
   * @param told called first, with the signal as Go prints it: `15 (terminated)`
   */
  onInterruption(told?: (signal: string) => void): AbortSignal;
  /** From now on SIGUSR1 calls this instead of ending the process; not where there is no such signal. */
  onUserSignal?(told: (signal: string) => void): void;
}
