/** Process entry: argv in, exit code out. */
import { runMain } from "./src/cli/main.ts";

await runMain();
