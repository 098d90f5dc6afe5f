import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MnsClient } from '../contract/mns-client.js';
import { eventually } from '../support/eventually.js';
import { hubEnvironment, hubMain, startHub, type TestHub } from '../support/hub.js';
import { childrenOf, runningProcesses, type RunningProcess } from '../support/running-processes.js';

const NAMES = ['api', 'bridge', 'worker'] as const;

describe('a hub', () => {
  let hub: TestHub;

  beforeAll(async () => {
    hub = await startHub();
  });

  afterAll(async () => {
    await hub.stop();
  });

  it('prints one line on standard output once a client can use it', async () => {
    expect(hub.output).toHaveLength(1);
    const url = 'http://127\\.0\\.0\\.1:\\d+';
    expect(hub.output[0]).toMatch(new RegExp(`^magpie ready api=${url} bridge=${url} worker=${url} account=\\d{16} accessKeyId=\\w+$`));
    for (const name of NAMES) {
      for (const path of ['/healthz', '/readyz', '/metrics']) expect((await fetch(`${hub.addresses[name]}${path}`)).status).toBe(200);
    }
    const client = clientOf(hub);
    expect((await client.request('PUT', '/queues/first', { body: '<Queue xmlns="http://mns.aliyuncs.com/doc/v1/"/>' })).status).toBe(201);
    client.close();
  });

  it('keeps what it generated to its owner', async () => {
    for (const name of ['.', 'credentials.json', 'redis/redis.conf']) {
      expect((await stat(join(hub.dataDir, name))).mode & 0o077).toBe(0);
    }
  });

  it.each(NAMES)('starts the %s again at the same address when it dies', async (name) => {
    const before = await childOf(hub, `apps/${name}/main.js`);
    process.kill(before, 'SIGKILL');
    await eventually('another process', async () => (await childOf(hub, `apps/${name}/main.js`)) !== before, { within: 10_000 });
    await eventually(`${name} is ready`, async () => (await fetch(`${hub.addresses[name]}/readyz`)).ok, { within: 10_000 });
  });

  it('starts its Redis again, with everything in it', async () => {
    const client = clientOf(hub);
    await client.request('PUT', '/queues/kept', { body: '<Queue xmlns="http://mns.aliyuncs.com/doc/v1/"/>' });
    process.kill(await childOf(hub, 'redis-server'), 'SIGKILL');
    for (const name of NAMES) {
      await eventually(`${name} is ready`, async () => (await fetch(`${hub.addresses[name]}/readyz`)).ok, { within: 15_000, every: 50 });
    }
    expect((await client.request('GET', '/queues/kept')).status).toBe(200);
    client.close();
  });

  it('takes SIGHUP without an interruption', async () => {
    hub.signal('SIGHUP');
    for (let requests = 0; requests < 20; requests += 1) expect((await fetch(`${hub.addresses.api}/healthz`)).status).toBe(200);
  });
});

describe('a hub that is stopped', () => {
  let dataDir: string;
  const started: TestHub[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'magpie-hub-'));
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((hub) => hub.stop()));
    await rm(dataDir, { recursive: true, force: true });
  });

  async function start(settings: Record<string, string> = {}): Promise<TestHub> {
    const hub = await startHub({ MAGPIE_DATA_DIR: dataDir, ...settings });
    started.push(hub);
    return hub;
  }

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 within 10 s of %s and leaves nothing running', async (signal) => {
    const hub = await start();
    const children = (await childrenOf(hub.pid)).map(({ pid }) => pid);
    expect(children).toHaveLength(4);
    const since = Date.now();
    hub.signal(signal);
    expect(await hub.exited).toEqual({ code: 0, signal: null });
    expect(Date.now() - since).toBeLessThan(10_000);
    expect(await stillRunning(children)).toEqual([]);
  });

  it('has its messages and its credentials when it is started again', async () => {
    const first = await start();
    const before = clientOf(first);
    await before.request('PUT', '/queues/kept', { body: '<Queue xmlns="http://mns.aliyuncs.com/doc/v1/"/>' });
    const body = '<Message xmlns="http://mns.aliyuncs.com/doc/v1/"><MessageBody>still here</MessageBody></Message>';
    const sent = await before.request('POST', '/queues/kept/messages', { body });
    expect(sent.status).toBe(201);
    before.close();
    await first.stop();
    const second = await start();
    expect(second.credentials).toEqual(first.credentials);
    const after = clientOf(second);
    const received = await after.request('GET', '/queues/kept/messages');
    after.close();
    expect(received.body).toContain('still here');
  });

  it('starts on the data of a hub that was killed, whose processes end by themselves', async () => {
    const killed = await start();
    const client = clientOf(killed);
    await client.request('PUT', '/queues/kept', { body: '<Queue xmlns="http://mns.aliyuncs.com/doc/v1/"/>' });
    client.close();
    const orphans = (await childrenOf(killed.pid)).map(({ pid }) => pid);
    killed.signal('SIGKILL');
    await killed.exited;
    const successor = await start();
    const after = clientOf(successor);
    expect((await after.request('GET', '/queues/kept')).status).toBe(200);
    after.close();
    await eventually('the orphans are gone', async () => (await stillRunning(orphans)).length === 0, { within: 10_000 });
  });
});

describe('a hub that cannot start', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'magpie-hub-'));
  });

  afterEach(async () => {
    await rm(dataDir, { recursive: true, force: true });
  });

  /** Runs it until it ends; what it wrote and its exit code. */
  async function run(settings: Record<string, string>) {
    const env = await hubEnvironment({ MAGPIE_DATA_DIR: dataDir, ...settings });
    const child = spawn(process.execPath, [hubMain], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const written = { stdout: '', stderr: '' };
    child.stdout.on('data', (data: Buffer) => (written.stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (written.stderr += data.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...written };
  }

  it('says in one line which setting is wrong', async () => {
    const stderr = 'magpie: MAGPIE_API_PORT is "http": expected an integer from 0 to 65535\n';
    expect(await run({ MAGPIE_API_PORT: 'http' })).toEqual({ code: 1, stdout: '', stderr });
  });

  it('says in one line which port is in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const stderr = `magpie: MAGPIE_WORKER_PORT is ${port}: expected a port that is free on 127.0.0.1, this one is in use\n`;
    expect(await run({ MAGPIE_WORKER_PORT: String(port) })).toEqual({ code: 1, stdout: '', stderr });
    await new Promise((resolve) => server.close(resolve));
  });

  it('says in one line that another hub has the data directory', async () => {
    const hub = await startHub({ MAGPIE_DATA_DIR: dataDir });
    const second = await run({});
    await hub.stop();
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toMatch(/^magpie: the data directory .* is in use by another hub: stop that one, or set MAGPIE_DATA_DIR\n$/);
  });

  it('ends when one of its processes cannot start, and leaves nothing running', async () => {
    const { code, stdout, stderr } = await run({ MAGPIE_REDIS_URL: 'ftp://x' });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^magpie: MAGPIE_REDIS_URL is a text of 7 characters: expected redis:/);
  });
});

function clientOf({ addresses, credentials }: TestHub): MnsClient {
  return new MnsClient(Number(new URL(addresses.api).port), credentials);
}

async function stillRunning(pids: readonly number[]): Promise<RunningProcess[]> {
  return (await runningProcesses()).filter(({ pid }) => pids.includes(pid));
}

async function childOf(hub: TestHub, part: string): Promise<number> {
  return await eventually(`a child process ${part}`, async () => (await childrenOf(hub.pid)).find(({ args }) => args.includes(part))?.pid);
}
