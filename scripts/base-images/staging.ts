/** A small root file system made of files of this machine: programs, their libraries, whole directories. */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Symbolic links on the way to one file; more is a loop. */
const maxLinks = 40;

/** Collects files of the host below one directory. */
export class Staging {
  constructor(readonly root: string) {}

  /**
   * Copies what a path leads to, to the same place, with every symbolic link on the way.
   * Directories are copied whole.
   */
  add(path: string, except: (path: string) => boolean = () => false, links = 0): void {
    if (links > maxLinks) throw new Error(`too many symbolic links at ${path}`);
    const parts = path.split("/").filter((part) => part !== "");
    let walked = "";
    for (const [index, part] of parts.entries()) {
      walked = `${walked}/${part}`;
      if (!lstatSync(walked).isSymbolicLink()) continue;
      const link = readlinkSync(walked);
      const place = join(this.root, walked);
      mkdirSync(dirname(place), { recursive: true });
      if (lstatSync(place, { throwIfNoEntry: false }) === undefined) symlinkSync(link, place);
      return this.add(
        join(resolve(dirname(walked), link), ...parts.slice(index + 1)),
        except,
        links + 1,
      );
    }
    const place = join(this.root, path);
    if (existsSync(place) && !lstatSync(path).isDirectory()) return;
    mkdirSync(dirname(place), { recursive: true });
    cpSync(path, place, { recursive: true, filter: (source) => !except(source) });
  }

  /** A directory, and what the symbolic links in it lead to. */
  tree(path: string, except: (path: string) => boolean = () => false): void {
    this.add(path, except);
    const visit = (directory: string) => {
      for (const item of readdirSync(directory, { withFileTypes: true })) {
        const place = join(directory, item.name);
        if (except(place)) continue;
        if (item.isDirectory()) visit(place);
        else if (item.isSymbolicLink() && existsSync(place)) this.add(place);
      }
    };
    visit(path);
  }

  /** A program and the shared libraries it needs. */
  program(path: string): void {
    this.add(path);
    const listed = new Deno.Command("ldd", { args: [realpathSync(path)], stderr: "null" })
      .outputSync();
    for (const match of new TextDecoder().decode(listed.stdout).matchAll(/(\/\S+) \(0x/g)) {
      this.add(match[1]);
    }
  }

  /** Programs of a list that this machine has. */
  programs(names: readonly string[]): void {
    for (const name of names) {
      const path = ["/bin", "/usr/bin", "/usr/local/bin"].map((place) => join(place, name))
        .find(existsSync);
      if (path !== undefined) this.program(path);
    }
  }

  file(path: string, content: string, mode = 0o644): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), content, { mode });
  }

  directory(path: string, mode = 0o755): void {
    mkdirSync(join(this.root, path), { recursive: true, mode });
    Deno.chmodSync(join(this.root, path), mode);
  }
}
