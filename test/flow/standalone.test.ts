import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { get } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MnsClient } from '../contract/mns-client.js';
import { eventually } from '../support/eventually.js';
import { hubEnvironment, hubMain, startHub, type TestHub } from '../support/hub.js';
import { makeServerCertificate, writeServerCertificate } from '../support/server-certificate.js';
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

describe('a hub with a certificate', () => {
  /** Status of an answer over https, and who the certificate was made for. */
  function look(url: string, ca: string): Promise<{ status: number | undefined; organization: string }> {
    return new Promise((resolve, reject) => {
      const request = get(`${url}/readyz`, { ca, agent: false, checkServerIdentity: () => undefined }, (response) => {
        const { subject } = (response.socket as TLSSocket).getPeerCertificate();
        response.resume();
        resolve({ status: response.statusCode, organization: String(subject.O) });
      });
      request.once('error', reject);
    });
  }

  it('speaks https beside http at the address that it names, with what lies in the files now, also after a restart', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'magpie-tls-'));
    const [first, second] = [makeServerCertificate('First'), makeServerCertificate('Second')];
    const { certFile, keyFile } = writeServerCertificate(folder, first);
    const hub = await startHub({ MAGPIE_TLS_CERT: certFile, MAGPIE_TLS_KEY: keyFile, MAGPIE_TLS_PORT: '0' });
    try {
      const url = / https=(https:\/\/127\.0\.0\.1:\d+) account=/.exec(hub.output[0]!)![1]!;
      expect(await look(url, first.cert)).toEqual({ status: 200, organization: 'First' });
      expect((await fetch(`${hub.addresses.api}/readyz`)).status).toBe(200);
      writeServerCertificate(folder, second);
      await eventually('the new certificate', async () => (await look(url, second.cert)).organization === 'Second', { within: 8_000 });
      process.kill(await childOf(hub, 'apps/api/main.js'), 'SIGKILL');
      await eventually('https again', async () => (await look(url, second.cert)).status === 200, { within: 15_000, every: 50 });
    } finally {
      await hub.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

const ipv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));

describe('a hub on IPv6', () => {
  (ipv6 ? it : it.skip)('writes its addresses with brackets', async () => {
    const hub = await startHub({ MAGPIE_HOST: '::1' });
    try {
      expect(hub.addresses.api).toMatch(/^http:\/\/\[::1\]:\d+$/);
      for (const name of NAMES) expect((await fetch(`${hub.addresses[name]}/readyz`)).status).toBe(200);
    } finally {
      await hub.stop();
    }
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

  it('says in one line what is wrong with its certificate', async () => {
    const { certFile } = writeServerCertificate(dataDir, makeServerCertificate());
    const alone = await run({ MAGPIE_TLS_CERT: certFile });
    expect(alone.stderr).toBe('magpie: MAGPIE_TLS_KEY is not set although MAGPIE_TLS_CERT is: expected both or neither\n');
    const wrong = await run({ MAGPIE_TLS_CERT: certFile, MAGPIE_TLS_KEY: certFile });
    const expected = 'a PEM file with a private key without a passphrase';
    expect(wrong).toEqual({ code: 1, stdout: '', stderr: `magpie: MAGPIE_TLS_KEY is "${certFile}": expected ${expected}\n` });
  });

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
