/** Cuts a stream of bytes into lines. A character that is split over two chunks is whole again: only whole lines are decoded. */
export class LineReader {
  readonly #pieces: Buffer[] = [];
  #length = 0;
  /** The rest of a line that is too long is thrown away. */
  #skipping = false;

  constructor(
    /** Bytes of a line at the most. */
    private readonly longest: number,
    private readonly onLine: (line: Buffer) => void,
    /** Told once for each line that is longer. */
    private readonly onTooLong: () => void,
  ) {}

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      this.#add(chunk.subarray(start, end));
      this.#finishLine();
      start = end + 1;
    }
    this.#add(chunk.subarray(start));
  }

  /** Bytes of a line that has begun. */
  get begun(): number {
    return this.#length;
  }

  #add(piece: Buffer): void {
    if (piece.length === 0 || this.#skipping) return;
    this.#length += piece.length;
    if (this.#length <= this.longest) {
      this.#pieces.push(piece);
      return;
    }
    this.#skipping = true;
    this.#pieces.length = 0;
    this.onTooLong();
  }

  #finishLine(): void {
    const line = this.#skipping ? undefined : Buffer.concat(this.#pieces);
    this.#pieces.length = 0;
    this.#length = 0;
    this.#skipping = false;
    if (line !== undefined) this.onLine(line);
  }
}
