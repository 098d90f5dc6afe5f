import { appendFile, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Body } from '../journal/journal-entry.js';
import { WriteAheadLog, WriteAheadLogFull } from './write-ahead-log.js';
import { decodeRecords, encodeRecord } from './write-ahead-record.js';

function body(text: string): Body {
  return { source: 'störe', receivedAt: 1_763_820_000_000, bytes: Buffer.from(text) };
}

const textsOf = (bodies: readonly Body[]) => bodies.map(({ bytes }) => String(bytes));

async function drain(log: WriteAheadLog): Promise<string[]> {
  const texts: string[] = [];
  for (let file = await log.takeOldest(); file !== undefined; file = await log.takeOldest()) {
    texts.push(...textsOf(file.bodies));
    await file.drop();
  }
  return texts;
}

describe('WriteAheadLog', () => {
  let directory: string;
  const logs: WriteAheadLog[] = [];

  function openLog(sizeLimit?: number): WriteAheadLog {
    const log = new WriteAheadLog(directory, sizeLimit);
    logs.push(log);
    return log;
  }

  beforeEach(async () => {
    directory = join(await mkdtemp(join(tmpdir(), 'magpie-wal-')), 'bridge');
  });

  afterEach(async () => {
    for (const log of logs.splice(0)) await log.close();
    await rm(join(directory, '..'), { recursive: true });
  });

  it('gives back what was appended, in order, once', async () => {
    const log = openLog();
    await Promise.all(Array.from({ length: 50 }, (_, index) => log.append(body(`early ${index}`))));
    await log.append(body('late'));
    expect(log.bytes).toBeGreaterThan(0);
    expect(await drain(log)).toEqual([...Array.from({ length: 50 }, (_, index) => `early ${index}`), 'late']);
    expect(log.bytes).toBe(0);
    expect(await drain(log)).toEqual([]);
    expect(await readdir(directory)).toEqual([]);
  });

  it('keeps source, time and any bytes', async () => {
    const log = openLog();
    const bytes = Buffer.from([0, 255, 10, 77, 71, 80, 87]);
    await log.append({ ...body(''), bytes });
    expect((await log.takeOldest())?.bodies).toEqual([{ ...body(''), bytes }]);
  });

  it('takes appends while it is drained', async () => {
    const log = openLog();
    const appended = Array.from({ length: 200 }, (_, index) => String(index));
    const appending = (async () => {
      for (const text of appended) await log.append(body(text));
    })();
    const drained: string[] = [];
    while (drained.length < appended.length) drained.push(...(await drain(log)));
    await appending;
    expect(drained).toEqual(appended);
  });

  it('refuses what is too much, and nothing after it was drained', async () => {
    const log = openLog(1_000);
    await log.append(body('x'.repeat(800)));
    await expect(log.append(body('x'.repeat(800)))).rejects.toThrow(WriteAheadLogFull);
    await drain(log);
    await log.append(body('x'.repeat(800)));
  });

  it('says so when the directory cannot be written', async () => {
    await writeFile(directory, 'a file');
    await expect(openLog().append(body('lost'))).rejects.toThrow(/EEXIST|ENOTDIR/);
  });

  it('adopts the files of a process that died, and leaves those of one that lives', async () => {
    const dead = openLog();
    await dead.append(body('orphan'));
    await dead.close();
    const [name] = await readdir(directory);
    const log = openLog();
    expect(await log.adopt(Date.now())).toBe(0);
    // No process has this id.
    await rename(join(directory, name!), join(directory, name!.replace(`.${process.pid}.`, '.4194999.')));
    expect(await log.adopt(Date.now())).toBe(1);
    expect(log.bytes).toBeGreaterThan(0);
    expect(await drain(log)).toEqual(['orphan']);
  });

  it('adopts a file that nobody has written for a minute, wherever its process is', async () => {
    const stuck = openLog();
    await stuck.append(body('orphan'));
    await stuck.close();
    const log = openLog();
    expect(await log.adopt(Date.now() + 61_000)).toBe(1);
    expect(await drain(log)).toEqual(['orphan']);
  });

  it('loses nothing when the file was taken from a process that is alive', async () => {
    const owner = openLog();
    const adopter = openLog();
    await owner.append(body('before'));
    await adopter.adopt(Date.now() + 61_000);
    const taken = await drain(adopter);
    await owner.append(body('after'));
    expect(taken).toEqual(['before']);
    expect(await drain(owner)).toEqual(['after']);
  });
});

describe('decodeRecords', () => {
  const records = ['one', 'two', 'three'].map((text) => encodeRecord(body(text)));

  it('stops at a torn end', () => {
    const file = Buffer.concat(records);
    for (let length = 0; length < file.length; length += 1) {
      const { bodies } = decodeRecords(file.subarray(0, length));
      expect(bodies.length).toBe(records.filter((_, index) => length >= Buffer.concat(records.slice(0, index + 1)).length).length);
    }
  });

  it('skips what is damaged and counts it', () => {
    const file = Buffer.concat(records);
    file[records[0]!.length + 20]! ^= 0xff;
    const { bodies, damaged } = decodeRecords(file);
    expect(textsOf(bodies)).toEqual(['one', 'three']);
    expect(damaged).toBe(1);
  });

  it('finds its way behind half a record', () => {
    const { bodies, damaged } = decodeRecords(Buffer.concat([records[0]!, records[1]!.subarray(0, 15), records[2]!]));
    expect(textsOf(bodies)).toEqual(['one', 'three']);
    expect(damaged).toBe(1);
  });

  it('reads an empty file', () => {
    expect(decodeRecords(Buffer.alloc(0))).toEqual({ bodies: [], damaged: 0 });
  });
});

it('a file that ends in rubbish is read up to there', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'magpie-wal-'));
  const log = new WriteAheadLog(directory);
  await log.append(body('good'));
  const [name] = await readdir(directory);
  await appendFile(join(directory, name!), Buffer.alloc(4_096));
  expect((await readFile(join(directory, name!))).length).toBeGreaterThan(4_096);
  expect(await drain(log)).toEqual(['good']);
  await rm(directory, { recursive: true });
});
