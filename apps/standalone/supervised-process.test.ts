import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { silentLogger } from '#runtime/log.js';
import { eventually } from '../../test/support/eventually.js';
import { SupervisedProcess } from './supervised-process.js';

const WORKING = `process.stdout.write('up'); setInterval(() => {}, 1000);`;
const DEAF = `process.on('SIGTERM', () => {}); ${WORKING}`;

describe('SupervisedProcess', () => {
  const started: SupervisedProcess<string>[] = [];

  function supervise(script: string, program = process.execPath): SupervisedProcess<string> {
    const supervised = new SupervisedProcess<string>(
      {
        name: 'child',
        launch: () => spawn(program, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] }),
        whenReady: firstOutput,
        lastWords: () => 'last words',
      },
      silentLogger,
    );
    started.push(supervised);
    return supervised;
  }

  afterEach(async () => {
    await Promise.all(started.splice(0).map((supervised) => supervised.stop(0)));
  });

  it('resolves a start with what the process says when it is ready', async () => {
    await expect(supervise(WORKING).start()).resolves.toBe('up');
  });

  it('starts the process again whenever it dies', async () => {
    const supervised = supervise(WORKING);
    await supervised.start();
    for (let deaths = 0; deaths < 2; deaths += 1) {
      const { pid } = supervised;
      process.kill(pid ?? -1, 'SIGKILL');
      await eventually('another process', () => supervised.pid !== undefined && supervised.pid !== pid);
    }
  });

  it('fails a start when the process ends first', async () => {
    await expect(supervise('process.exit(3)').start()).rejects.toThrow('child ended with code 3: last words');
  });

  it('fails a start when there is no such program', async () => {
    await expect(supervise('', '/nonexistent').start()).rejects.toThrow('ENOENT');
  });

  it('fails a start that takes too long', async () => {
    await expect(supervise('setInterval(() => {}, 1000)').start(50)).rejects.toThrow('child was not ready within 0.05 s');
  });

  it('does not start again what was stopped, and cannot be started afterwards', async () => {
    const supervised = supervise(WORKING);
    await supervised.start();
    const { pid } = supervised;
    await supervised.stop(1_000);
    await supervised.stop(1_000);
    expect(supervised.pid).toBe(pid);
    expect(isAlive(pid)).toBe(false);
    await expect(supervised.start()).rejects.toThrow('was stopped before it was started');
  });

  it('kills a process that does not heed SIGTERM', async () => {
    const supervised = supervise(DEAF);
    await supervised.start();
    await supervised.stop(50);
    expect(isAlive(supervised.pid)).toBe(false);
  });
});

async function firstOutput(child: ChildProcess): Promise<string> {
  const [data] = (await once(child.stdout!, 'data')) as [Buffer];
  return data.toString();
}

function isAlive(pid: number | undefined): boolean {
  try {
    process.kill(pid ?? -1, 0);
    return true;
  } catch {
    return false;
  }
}
