import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Gather } from '#queue/gather.js';
import type { Body } from '../journal/journal-entry.js';
import { decodeRecords, encodeRecord } from './write-ahead-record.js';

/** Bytes in files of this process, beyond which bodies are refused. */
const SIZE_LIMIT = 256 * 1_048_576;
/** Bytes after which a file is closed and the next one begun: a file is read into memory as a whole. */
const FILE_SIZE = 16 * 1_048_576;
/** Milliseconds after which a file that nobody writes is taken over. Its owner drains its own much sooner. */
const ABANDONED = 60_000;

interface ActiveFile {
  readonly handle: FileHandle;
  readonly path: string;
  readonly inode: bigint;
  size: number;
}

/** Too much is in the log already. */
export class WriteAheadLogFull extends Error {
  override readonly name = 'WriteAheadLogFull';
}

/**
 * Bodies on the local disk while Redis is away. `append` returns when they are synced; they are read back file by file, oldest first,
 * and each file is deleted once its bodies are in the journal. A crash in between repeats a file, which does no harm.
 *
 * Files are named after their process; those of processes that died are adopted. An adopter may be mistaken about a death, so a
 * writer looks after each sync whether its file is still its own, and writes again if not.
 */
export class WriteAheadLog {
  readonly #owner = `${hostname()}.${process.pid}.${randomBytes(4).toString('hex')}`;
  readonly #writes = new Gather<Body, void>((_lane, bodies) => this.#exclusively(() => this.#write(bodies)), {
    items: 1_000,
    weight: 4 * 1_048_576,
    weigh: ({ bytes }) => bytes.length,
  });
  #active: ActiveFile | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #files = 0;
  #bytes = 0;

  constructor(
    private readonly directory: string,
    private readonly sizeLimit = SIZE_LIMIT,
  ) {}

  /** Bytes of bodies that wait here; for metrics. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws WriteAheadLogFull, or what the file system says: then nothing may be acknowledged */
  append(body: Body): Promise<void> {
    return this.#writes.add(0, body);
  }

  /** Takes over files of processes that are gone. @returns how many */
  async adopt(now: number): Promise<number> {
    let adopted = 0;
    for (const name of await this.#list()) {
      if (name.startsWith(`${this.#owner}-`) || !(await this.#isAbandoned(name, now))) continue;
      // Another process may be faster.
      const taken = await rename(join(this.directory, name), this.#nextPath()).then(
        () => true,
        () => false,
      );
      if (taken) adopted += 1;
    }
    if (adopted > 0) await this.#exclusively(() => this.#countBytes());
    return adopted;
  }

  /**
   * The oldest file's bodies; undefined when there is none. What is being written is closed first.
   * `drop` deletes the file and must be called when all of them are safe elsewhere.
   */
  async takeOldest(): Promise<{ bodies: Body[]; damaged: number; drop: () => Promise<void> } | undefined> {
    const path = await this.#exclusively(() => this.#closeOldest());
    if (path === undefined) return undefined;
    const file = await readFile(path);
    const drop = (): Promise<void> =>
      this.#exclusively(async () => {
        await rm(path, { force: true });
        await this.#countBytes();
      });
    return { ...decodeRecords(file), drop };
  }

  /** What is in files stays for the next process. */
  close(): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#active !== undefined) await this.#close(this.#active);
    });
  }

  async #write(bodies: readonly Body[]): Promise<void[]> {
    const bytes = Buffer.concat(bodies.map(encodeRecord));
    if (this.#bytes + bytes.length > this.sizeLimit) throw new WriteAheadLogFull(`${this.#bytes} bytes wait for Redis`);
    let active = await this.#writeTo(bytes);
    while (!(await stillNamed(active.path, active.inode))) {
      await this.#close(active);
      active = await this.#writeTo(bytes);
    }
    if (active.size > FILE_SIZE) await this.#close(active);
    this.#bytes += bytes.length;
    return bodies.map(() => undefined);
  }

  async #writeTo(bytes: Buffer): Promise<ActiveFile> {
    const active = this.#active ?? (await this.#openFile());
    try {
      await active.handle.appendFile(bytes);
      await active.handle.datasync();
    } catch (error) {
      // Half a record may be in it now.
      await this.#close(active);
      throw error;
    }
    active.size += bytes.length;
    return active;
  }

  async #openFile(): Promise<ActiveFile> {
    await mkdir(this.directory, { recursive: true });
    const path = this.#nextPath();
    const handle = await open(path, 'ax', 0o600);
    const { ino } = await handle.stat({ bigint: true });
    // The name must survive a power failure as well as the bytes do.
    const directory = await open(this.directory, 'r');
    await directory.sync().finally(() => directory.close());
    this.#active = { handle, path, inode: ino, size: 0 };
    return this.#active;
  }

  async #close(active: ActiveFile): Promise<void> {
    if (this.#active === active) this.#active = undefined;
    await active.handle.close().catch(() => undefined);
  }

  /** Path of the oldest file, to which nobody writes any more. */
  async #closeOldest(): Promise<string | undefined> {
    // With nothing to look for, a directory that cannot be read is no obstacle.
    const oldest = this.#bytes === 0 ? undefined : (await this.#list()).find((name) => name.startsWith(`${this.#owner}-`));
    if (oldest === undefined) return undefined;
    const path = join(this.directory, oldest);
    if (this.#active?.path === path) await this.#close(this.#active);
    return path;
  }

  /** One step after the other: a file that is just being made must not be taken for one that is complete. */
  #exclusively<T>(step: () => Promise<T>): Promise<T> {
    const next = this.#last.then(step);
    this.#last = next.catch(() => undefined);
    return next;
  }

  #nextPath(): string {
    this.#files += 1;
    return join(this.directory, `${this.#owner}-${String(this.#files).padStart(8, '0')}.wal`);
  }

  async #list(): Promise<string[]> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names.filter((name) => name.endsWith('.wal')).sort();
  }

  async #isAbandoned(name: string, now: number): Promise<boolean> {
    const [, host, pid] = /^(.*)\.(\d+)\.[0-9a-f]{8}-\d{8}\.wal$/.exec(name) ?? [];
    if (host === hostname() && pid !== undefined && !isAlive(Number(pid))) return true;
    const written = await stat(join(this.directory, name)).catch(() => undefined);
    return written !== undefined && now - written.mtimeMs > ABANDONED;
  }

  async #countBytes(): Promise<void> {
    let bytes = 0;
    for (const name of await this.#list()) {
      if (name.startsWith(`${this.#owner}-`)) bytes += (await stat(join(this.directory, name)).catch(() => ({ size: 0 }))).size;
    }
    this.#bytes = bytes;
  }
}

async function stillNamed(path: string, inode: bigint): Promise<boolean> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found?.ino === inode;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
