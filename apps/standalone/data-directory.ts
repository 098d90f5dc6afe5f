import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, realpathSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BadSetting } from '#runtime/setting.js';

/** Longest path of a socket that every system accepts, in bytes. */
const SOCKET_PATH_LIMIT = 100;

/** Another hub runs on the same data. */
export class DataDirectoryInUse extends Error {
  override readonly name = 'DataDirectoryInUse';
}

/**
 * The directory that one hub owns while it runs. The claim is a listening socket in it: unlike a file with a process id, it
 * ends with its process however that ends, and means the same to every container that shares the directory.
 */
export class DataDirectory {
  private constructor(
    readonly path: string,
    private readonly claim: Server,
  ) {}

  /** @throws DataDirectoryInUse; BadSetting when the directory cannot be made or written. */
  static async claim(directory: string): Promise<DataDirectory> {
    const path = prepare(directory);
    const socket = claimPath(path);
    const first = await listen(socket);
    if (first !== undefined) return new DataDirectory(path, first);
    if (await isAnswered(socket)) throw inUse(path);
    // Left behind by a hub that was killed.
    if (existsSync(socket)) unlinkSync(socket);
    const second = await listen(socket);
    if (second === undefined) throw inUse(path);
    return new DataDirectory(path, second);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async release(): Promise<void> {
    await new Promise((resolve) => this.claim.close(resolve));
  }
}

function prepare(directory: string): string {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return realpathSync(directory);
  } catch (error) {
    throw new BadSetting('MAGPIE_DATA_DIR', JSON.stringify(directory), `a directory that can be written (${codeOf(error)})`);
  }
}

function claimPath(directory: string): string {
  const inside = join(directory, 'hub.sock');
  if (Buffer.byteLength(inside) <= SOCKET_PATH_LIMIT) return inside;
  return join(tmpdir(), `magpie-${createHash('sha256').update(directory).digest('hex').slice(0, 32)}.sock`);
}

/** Undefined: the address is taken. */
function listen(socket: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy());
    server.once('error', (error) => {
      if (codeOf(error) === 'EADDRINUSE') resolve(undefined);
      else reject(new BadSetting('MAGPIE_DATA_DIR', JSON.stringify(socket), `a directory that can be written (${codeOf(error)})`));
    });
    server.listen(socket, () => resolve(server.unref()));
  });
}

function isAnswered(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket, () => {
      resolve(true);
      connection.destroy();
    });
    connection.once('error', () => resolve(false));
  });
}

function inUse(path: string): DataDirectoryInUse {
  return new DataDirectoryInUse(`the data directory ${path} is in use by another hub: stop that one, or set MAGPIE_DATA_DIR`);
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}
