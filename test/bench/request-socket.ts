import { connect, type Socket } from 'node:net';

/** What a protocol found at the beginning of the bytes received so far. */
export interface Parsed<Answer> {
  /** Bytes that are done with. */
  readonly end: number;
  /** Absent for what is no answer, such as a greeting. */
  readonly answer?: Answer;
  /** To be sent back at once. */
  readonly reply?: string;
}

/** Reads the next thing from the bytes received so far; undefined when it is not complete. An error ends the connection. */
export type Parse<Answer> = (bytes: Buffer) => Parsed<Answer> | undefined;

/** All sockets read into the same memory: it is parsed, or copied where it is incomplete, before the next one reads. */
const received = Buffer.allocUnsafeSlow(64 * 1_024);
const nothing = Buffer.alloc(0);

/**
 * A connection with one request under way at a time, which sends prepared bytes. The load generator shares the machine with what it
 * measures, and all contenders use this one, so it does as little as possible.
 */
export class RequestSocket<Answer> {
  #socket: Socket;
  #parse: Parse<Answer>;
  #incomplete: Buffer = nothing;
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;

  constructor(host: string, port: number, parse: Parse<Answer>, onOpen: (error?: Error) => void) {
    this.#parse = parse;
    this.#socket = connect({ host, port, noDelay: true, onread: { buffer: received, callback: (length) => this.#onBytes(received.subarray(0, length)) } });
    this.#socket.once('connect', () => onOpen());
    this.#socket.on('error', (error) => {
      onOpen(error);
      this.#fail(error);
    });
    this.#socket.on('end', () => this.#socket.destroy());
    this.#socket.on('close', () => this.#fail(new Error('connection closed before the answer')));
  }

  static open<Answer>(host: string, port: number, parse: Parse<Answer>): Promise<RequestSocket<Answer>> {
    return new Promise((resolve, reject) => {
      const socket: RequestSocket<Answer> = new RequestSocket(host, port, parse, (error) => (error === undefined ? resolve(socket) : reject(error)));
    });
  }

  /**
   * @param bytes a string must be ASCII
   * @throws Error when the connection ends before the answer
   */
  request(bytes: Buffer | string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed || this.#waiting !== undefined) {
        reject(new Error(this.#socket.destroyed ? 'the connection is closed' : 'another request is under way on this connection'));
        return;
      }
      this.#waiting = { resolve, reject };
      this.#socket.write(bytes, 'latin1');
    });
  }

  /** Sends what has no answer. */
  tell(bytes: string): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  #onBytes(fresh: Buffer): boolean {
    const bytes = this.#incomplete.length === 0 ? fresh : Buffer.concat([this.#incomplete, fresh]);
    this.#incomplete = nothing;
    try {
      this.#read(bytes);
    } catch (error) {
      this.#fail(error as Error);
      this.#socket.destroy();
    }
    return true;
  }

  #read(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      const parsed = this.#parse(rest);
      if (parsed === undefined) {
        this.#incomplete = Buffer.from(rest);
        return;
      }
      rest = rest.subarray(parsed.end);
      if (parsed.reply !== undefined) this.#socket.write(parsed.reply);
      if (parsed.answer !== undefined) this.#settle(parsed.answer);
    }
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(answer);
  }

  #fail(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }
}
