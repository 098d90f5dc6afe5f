import { isAlias, isMap, isNode, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Document, Pair, YAMLError, YAMLMap } from 'yaml';

/** Names and list positions that lead from the top of a document to something in it. */
export type Path = readonly (string | number)[];

/** `matchRules[0][1].prefix` as a path. */
export function readPath(argument: string): Path {
  return Array.from(argument.matchAll(/\[(\d+)\]|[^.[\]]+/g), ([name, position]) => (position === undefined ? name : Number(position)));
}

/** A set-up file that says something that cannot be; the message has a line for each problem. */
export class BadSetupFile extends Error {
  override readonly name = 'BadSetupFile';

  constructor(readonly problems: readonly string[]) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    super(`the set-up file has ${count} and was not applied:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

/** Characters of a value that a message shows. */
const SHOWN = 120;

/** How often aliases may multiply the document: what is written to be read by people stays far below. */
const MOST_ALIASES = 1_000;

/** A YAML document (1.2, with merge keys) that knows where in its text everything stands. */
export class SetupDocument {
  private constructor(
    private readonly file: string,
    private readonly yaml: Document,
    private readonly lines: LineCounter,
    /** As plain objects, lists, texts, numbers and booleans; null for an empty document. */
    readonly value: unknown,
  ) {}

  /** @param file its name, for messages. @throws BadSetupFile */
  static parse(file: string, text: string): SetupDocument {
    const lines = new LineCounter();
    const complain = (message: string, offset?: number): string => `${position(file, lines, offset)}: ${message}`;
    try {
      // A quieter log level would pass over all documents but the first.
      const yaml = parseDocument(text, { merge: true, stringKeys: true, prettyErrors: false, logLevel: 'error', lineCounter: lines });
      const problems = [...yaml.errors, ...yaml.warnings].map((error) => complain(error.message, startOf(error, text)));
      problems.push(...unknownAliases(yaml).map(({ name, offset }) => complain(`there is no anchor &${name} before this`, offset)));
      if (problems.length > 0) throw new BadSetupFile(problems);
      return new SetupDocument(file, yaml, lines, yaml.toJS({ maxAliasCount: MOST_ALIASES }));
    } catch (error) {
      if (error instanceof BadSetupFile) throw error;
      throw new BadSetupFile([complain(error instanceof Error ? error.message : String(error))]);
    }
  }

  /** The line of a problem with what stands at a path. */
  refusal(path: Path, message: string): string {
    const value = valueAt(this.value, path);
    return this.remark(path, `is ${value === undefined ? 'missing' : shorten(JSON.stringify(value))}: ${message}`);
  }

  /** The line of a problem that has nothing to do with the value at the path. */
  remark(path: Path, message: string): string {
    return `${position(this.file, this.lines, this.#offsetOf(path))}: ${writePath(path)} ${message}`;
  }

  /** Where the last name of the path stands in the text, or as much of the path as is there. */
  #offsetOf(path: Path): number | undefined {
    let node: unknown = this.yaml.contents;
    let offset: number | undefined;
    for (const step of path) {
      const target = isAlias(node) ? node.resolve(this.yaml) : node;
      const pair = isMap(target) ? this.#findPair(target, step) : undefined;
      const next = isSeq(target) && typeof step === 'number' ? target.items[step] : pair?.value;
      const marker = pair === undefined ? next : pair.key;
      if (!isNode(marker)) break;
      offset = marker.range?.[0] ?? offset;
      node = next;
    }
    return offset;
  }

  #findPair(map: YAMLMap, name: string | number): Pair | undefined {
    const own = map.items.find((pair) => keyOf(pair) === name);
    if (own !== undefined) return own;
    const merged = map.items.filter((pair) => keyOf(pair) === '<<').flatMap(({ value }) => (isSeq(value) ? value.items : [value]));
    const sources = merged.map((source) => (isAlias(source) ? source.resolve(this.yaml) : source));
    return sources.flatMap((source) => (isMap(source) ? (this.#findPair(source, name) ?? []) : []))[0];
  }
}

/** A name that is there twice is reported where the value before it ends. */
function startOf({ code, pos: [offset] }: YAMLError, text: string): number {
  return code === 'DUPLICATE_KEY' ? offset + /^\s*/.exec(text.slice(offset))![0].length : offset;
}

function keyOf({ key }: Pair): string {
  return String(key);
}

function unknownAliases(yaml: Document): { name: string; offset: number | undefined }[] {
  const found: { name: string; offset: number | undefined }[] = [];
  visit(yaml, {
    Alias: (_key, alias) => {
      if (alias.resolve(yaml) === undefined) found.push({ name: alias.source, offset: alias.range?.[0] });
    },
  });
  return found;
}

/** `file:line:column`, which editors and terminals can follow. */
function position(file: string, lines: LineCounter, offset: number | undefined): string {
  if (offset === undefined) return file;
  const { line, col } = lines.linePos(offset);
  return `${file}:${line}:${col}`;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inside, step) => {
    const there = typeof inside === 'object' && inside !== null && Object.hasOwn(inside, step);
    return there ? (inside as Record<string | number, unknown>)[step] : undefined;
  }, value);
}

function writePath(path: Path): string {
  if (path.length === 0) return 'the document';
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const name = /^[\w:-]+$/.test(step) ? step : shorten(JSON.stringify(step));
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

function shorten(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}
