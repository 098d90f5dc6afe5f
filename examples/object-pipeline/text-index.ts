/** What the index knows of one object. */
interface Entry {
  /** Time of the newest event that was applied. */
  readonly eventTime: string;
  readonly words: readonly string[];
}

/** Which words stand in which objects. One JSON document, small enough to be written as a whole. */
export class TextIndex {
  readonly #entries: Map<string, Entry>;

  /** @param json what `toJson` made; undefined: an index of nothing */
  constructor(json?: string) {
    this.#entries = new Map(json === undefined ? [] : Object.entries((JSON.parse(json) as { objects: Record<string, Entry> }).objects));
  }

  /** Whether something newer than this event was applied already. */
  isNewerThan(key: string, eventTime: string): boolean {
    return (this.#entries.get(key)?.eventTime ?? '') > eventTime;
  }

  /** Whether that changed anything. The same text again changes nothing. */
  put(key: string, text: string, eventTime: string): boolean {
    const words = wordsOf(text);
    const known = this.#entries.get(key);
    this.#entries.set(key, { eventTime, words });
    return known?.eventTime !== eventTime || known.words.join(' ') !== words.join(' ');
  }

  /** Whether there was anything to remove. */
  remove(key: string): boolean {
    return this.#entries.delete(key);
  }

  /** `objects` is what the index goes on with, `words` is made from it for those who only read. */
  toJson(): string {
    const words = new Map<string, string[]>();
    for (const [key, entry] of this.#entries) {
      for (const word of entry.words) words.set(word, [...(words.get(word) ?? []), key].sort());
    }
    return JSON.stringify({ objects: Object.fromEntries(this.#entries), words: Object.fromEntries([...words].sort()) }, null, 2);
  }
}

/** In lower case, each once, in order; runs of letters and digits of any script. */
function wordsOf(text: string): readonly string[] {
  return [...new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu))].sort();
}
