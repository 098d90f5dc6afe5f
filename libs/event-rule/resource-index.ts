/** Literal parts that a resource must have to come into question. */
export interface Literals {
  readonly exact?: string;
  readonly prefix?: string;
  readonly suffix?: string;
}

interface Entry<T> {
  readonly literals: Literals;
  readonly value: T;
}

/**
 * Finds, among very many values, those whose literals fit a resource. Looking one up costs one look into a map per distinct
 * length of prefixes and suffixes, however many values there are. Each value is filed under whichever of its literals fewer others share.
 */
export class ResourceIndex<T> {
  readonly #exact = new Map<string, T[]>();
  readonly #prefixes = new LiteralMap<T>((resource, length) => resource.slice(0, length));
  readonly #suffixes = new LiteralMap<T>((resource, length) => resource.slice(-length));
  readonly #always: T[] = [];

  constructor(entries: readonly Entry<T>[]) {
    const sharing = countSharing(entries);
    for (const { literals, value } of entries) {
      const { exact, prefix = '', suffix = '' } = literals;
      if (exact !== undefined) push(this.#exact, exact, value);
      else if (prefix === '' && suffix === '') this.#always.push(value);
      else if (suffix === '' || (prefix !== '' && sharing.prefixes.get(prefix)! <= sharing.suffixes.get(suffix)!)) this.#prefixes.add(prefix, value);
      else this.#suffixes.add(suffix, value);
    }
  }

  /** A superset of what fits; the caller looks closer. */
  candidates(resource: string): T[] {
    const found = [...this.#always, ...(this.#exact.get(resource) ?? [])];
    this.#prefixes.collect(resource, found);
    this.#suffixes.collect(resource, found);
    return found;
  }
}

class LiteralMap<T> {
  readonly #values = new Map<string, T[]>();
  readonly #lengths = new Set<number>();

  constructor(private readonly part: (resource: string, length: number) => string) {}

  add(literal: string, value: T): void {
    this.#lengths.add(literal.length);
    push(this.#values, literal, value);
  }

  collect(resource: string, found: T[]): void {
    for (const length of this.#lengths) {
      if (length > resource.length) continue;
      for (const value of this.#values.get(this.part(resource, length)) ?? []) found.push(value);
    }
  }
}

function countSharing(entries: readonly Entry<unknown>[]) {
  const prefixes = new Map<string, number>();
  const suffixes = new Map<string, number>();
  for (const { literals } of entries) {
    if (literals.prefix) prefixes.set(literals.prefix, (prefixes.get(literals.prefix) ?? 0) + 1);
    if (literals.suffix) suffixes.set(literals.suffix, (suffixes.get(literals.suffix) ?? 0) + 1);
  }
  return { prefixes, suffixes };
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
