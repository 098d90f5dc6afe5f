import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endWithThisProcess } from '../../../apps/standalone/demo/end-with-this-process.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';

export interface PeerProcess {
  readonly port: number;
  /** Ends it and removes what it stored. */
  stop(): Promise<void>;
}

/**
 * Another project's server on a free loopback port, with a directory of its own.
 *
 * @param prepare writes what it needs into the directory and answers its arguments
 * @throws Error with what it said last when it does not take connections
 */
export async function startPeer(program: string, prepare: (dir: string, port: number) => Promise<readonly string[]>): Promise<PeerProcess> {
  const [dir, port] = [await mkdtemp(join(tmpdir(), 'magpie-peer-')), await freePort()];
  const child = spawn(program, await prepare(dir, port), { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  endWithThisProcess(child, 'SIGKILL');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-2_000)));
  child.once('error', (error) => (said += error.message));
  const exited = once(child, 'exit');
  const removeData = (): void => rmSync(dir, { recursive: true, force: true });
  process.once('exit', removeData);
  const stop = async (): Promise<void> => {
    // Nothing is worth waiting for: its data goes as well.
    if (child.kill('SIGKILL')) await exited;
    process.off('exit', removeData);
    removeData();
  };
  try {
    await eventually(`the peer listens on port ${port}`, () => child.exitCode === null && listens(port), { within: 15_000 });
  } catch (error) {
    await stop();
    throw new Error(`it did not start: ${said.trim().split('\n').at(-1) ?? ''}`, { cause: error });
  }
  return { port, stop };
}

/** A peer that cannot be had leaves a line under the table instead of its rows. */
export async function orNote<Peer>(notes: string[], name: string, starting: Promise<Peer>): Promise<Peer | undefined> {
  try {
    return await starting;
  } catch (error) {
    notes.push(`no ${name} here: ${(error as Error).message}`);
    return undefined;
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}
