import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataDirectory } from './data-directory.js';

describe('DataDirectory', () => {
  let parent: string;

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'magpie-data-'));
  });

  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it('is made for its owner alone', async () => {
    const directory = await DataDirectory.claim(join(parent, 'a', 'b'));
    expect(statSync(directory.path).mode & 0o777).toBe(0o700);
    await directory.release();
  });

  it('belongs to one hub at a time', async () => {
    const first = await DataDirectory.claim(parent);
    await expect(DataDirectory.claim(parent)).rejects.toThrow(`the data directory ${first.path} is in use by another hub`);
    await first.release();
    await (await DataDirectory.claim(parent)).release();
  });

  it('is free again when its hub was killed', async () => {
    const socket = join(parent, 'hub.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.stdout.write('up'))`;
    const hub = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(hub.stdout, 'data');
    await expect(DataDirectory.claim(parent)).rejects.toThrow('in use');
    hub.kill('SIGKILL');
    await once(hub, 'exit');
    expect(existsSync(socket)).toBe(true);
    await (await DataDirectory.claim(parent)).release();
  });

  it('may have a path that is too long for a socket', async () => {
    const long = join(parent, 'x'.repeat(120));
    const first = await DataDirectory.claim(long);
    await expect(DataDirectory.claim(long)).rejects.toThrow('in use');
    await first.release();
  });

  it('says which setting is wrong when it cannot be made', async () => {
    writeFileSync(join(parent, 'file'), '');
    const claim = DataDirectory.claim(join(parent, 'file', 'x'));
    await expect(claim).rejects.toThrow(/^MAGPIE_DATA_DIR is ".*": expected a directory that can be written \(ENOTDIR\)/);
  });
});
