/** A process that survives this terminal and whose end, whatever it was, stands in its log. */

/** Runs `"$@"`, passes SIGTERM on as SIGKILL, and writes down how it ended. */
const watch = `
"$@" & child=$!
trap 'kill -KILL $child' TERM
while wait $child; code=$?; kill -0 $child 2>/dev/null; do :; done
case $code in
  137) why="was ended by signal 9 (killed by somebody, or the machine ran out of memory)" ;;
  129|13?|14?|15?) why="was ended by signal $((code - 128))" ;;
  *) why="ended with code $code" ;;
esac
echo "$(date -u '+%Y-%m-%d %H:%M:%S UTC') process $child $why"
exit $code`;

/** A session of its own where the machine has setsid; a log in any case. */
const detach = `
log=$1; watch=$2; shift 2
exec >"$log" 2>&1 </dev/null
command -v setsid >/dev/null && exec setsid /bin/sh -c "$watch" denim "$@"
exec /bin/sh -c "$watch" denim "$@"`;

/**
 * Starts `command`. Its standard output, its errors and, last, the way it ended go to `logFile`. The
 * process returned is a shell that waits for it and ends with its exit code (128 and the number of
 * a signal); SIGTERM to the shell kills it.
 */
export function spawnDetached(command: readonly string[], logFile: string): Deno.ChildProcess {
  return new Deno.Command("/bin/sh", {
    args: ["-c", detach, "denim", logFile, watch, ...command],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}
