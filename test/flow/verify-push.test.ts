import 'reflect-metadata';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ManagementClient } from '../contract/management-client.js';
import { startApi, type RunningApi } from '../contract/running-api.js';
import { SECRET_KEY, startWorker, workerSettings, type RunningWorker } from '../support/running-worker.js';

const run = promisify(execFile);
const DOCS = fileURLToPath(new URL('../../docs/verify', import.meta.url));
const SECRETS = [0, 1].map(() => `whsec_${randomBytes(32).toString('base64')}`);
/** A first run compiles what the language brings. */
const SLOW = 180_000;

interface Language {
  /** Fails where the machine does not have it. */
  readonly probe: readonly string[];
  /** Done once, in the folder of the test. */
  readonly build?: (folder: string) => readonly string[];
  readonly command: (folder: string) => readonly string[];
}

const LANGUAGES: Readonly<Record<string, Language>> = {
  Node: { probe: [process.execPath, '--version'], command: () => [process.execPath, join(DOCS, 'verify.mjs')] },
  Python: { probe: ['python3', '-c', 'import cryptography'], command: () => ['python3', '-B', join(DOCS, 'verify.py')] },
  Go: {
    probe: ['go', 'version'],
    build: (folder) => ['go', 'build', '-o', join(folder, 'verify-go'), join(DOCS, 'verify.go')],
    command: (folder) => [join(folder, 'verify-go')],
  },
  Java: {
    probe: ['javac', '--version'],
    build: (folder) => ['javac', '-d', folder, join(DOCS, 'Verify.java')],
    command: (folder) => ['java', '-cp', folder, 'Verify'],
  },
  shell: { probe: ['bash', '-c', 'openssl version && base64 --version && date -d now'], command: () => ['bash', join(DOCS, 'verify.sh')] },
};

/** Keeps each request as the bytes that came, and answers it. */
async function startRawReceiver(): Promise<{ port: number; requests: Buffer[]; server: Server }> {
  const requests: Buffer[] = [];
  const server = createServer((socket) => {
    let bytes = Buffer.alloc(0);
    socket.on('error', () => undefined).on('data', (part) => {
      bytes = Buffer.concat([bytes, part]);
      const end = bytes.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(bytes.toString('latin1', 0, end))?.[1]);
      if (end < 0 || bytes.length < end + 4 + length) return;
      requests.push(bytes);
      socket.end('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, requests, server };
}

describe('docs/verify', () => {
  let api: RunningApi;
  let worker: RunningWorker;
  let folder: string;
  const requests: Record<string, Buffer> = {};
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'magpie-verify-'));
    const keyPrefix = `test-${randomBytes(6).toString('hex')}`;
    api = await startApi({ keyPrefix, secretKey: SECRET_KEY });
    worker = await startWorker(workerSettings(process.env['MAGPIE_TEST_REDIS_URL']!, keyPrefix, { publicUrl: api.url }));
    const receiver = await startRawReceiver();
    const management = new ManagementClient(api.url, api.credentials);
    await api.client.request('PUT', '/topics/verify');
    for (const format of ['XML', 'JSON', 'SIMPLIFIED']) {
      const endpoint = `http://127.0.0.1:${receiver.port}/hook?a=%20b&amp;c`;
      const body = `<Subscription><Endpoint>${endpoint}</Endpoint><NotifyContentFormat>${format}</NotifyContentFormat></Subscription>`;
      await api.client.request('PUT', `/topics/verify/subscriptions/${format}`, { body });
      const path = `topics/verify/subscriptions/${format}`;
      await management.call('PUT', path, { options: { signature: 'both', signingSecrets: SECRETS, headers: { 'X-Team': 'ops' } } });
      const { json } = await management.call('POST', `${path}/test`, { message: '喜鹊 says "hi"\n\r\n', messageTag: '喜鹊' });
      expect(json).toMatchObject({ outcome: 'delivered' });
      requests[format] = receiver.requests.at(-1)!;
    }
    receiver.server.close();
    const url = /x-mns-signing-cert-url: (\S+)/.exec(requests['XML']!.toString('latin1'))![1]!;
    await writeFile(join(folder, 'cert.pem'), await (await fetch(Buffer.from(url, 'base64').toString())).text());
  }, SLOW);
  afterAll(async () => {
    await worker.stop();
    await api.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function verdict(command: readonly string[], kind: 'rsa' | 'hmac', request: Buffer, key: string): Promise<string> {
    const file = join(folder, 'request.http');
    await writeFile(file, request);
    const [program = '', ...rest] = command;
    const { stdout } = await run(program, [...rest, kind, file, key]).catch((error: Error & { stdout?: string }) => ({ stdout: error.stdout ?? error.message }));
    return stdout.trim();
  }

  const replaced = (request: Buffer, from: string | RegExp, to: string): Buffer => {
    const text = request.toString('latin1');
    expect(text).toMatch(from);
    return Buffer.from(text.replace(from, to), 'latin1');
  };

  it.each(Object.entries(LANGUAGES))(
    'verifies a push in %s',
    async (name, language) => {
      const [probe = '', ...probeArguments] = language.probe;
      try {
        await run(probe, probeArguments);
      } catch {
        process.stderr.write(`docs/verify: ${name} is not on this machine, its snippet was not run\n`);
        return;
      }
      const [builder, ...buildArguments] = language.build?.(folder) ?? [];
      if (builder !== undefined) await run(builder, buildArguments);
      const command = language.command(folder);
      const certificate = join(folder, 'cert.pem');
      for (const request of Object.values(requests)) expect(await verdict(command, 'rsa', request, certificate)).toBe('valid');
      const request = requests['SIMPLIFIED']!;
      for (const secret of SECRETS) expect(await verdict(command, 'hmac', request, secret)).toBe('valid');

      const changedBody = replaced(request, 'says', 'sayz');
      expect(await verdict(command, 'rsa', changedBody, certificate)).toBe('invalid: the body was changed');
      expect(await verdict(command, 'hmac', changedBody, SECRETS[0]!)).toBe('invalid: the signature does not fit');
      expect(await verdict(command, 'rsa', replaced(request, 'x-mns-topic-name: verify', 'x-mns-topic-name: verifx'), certificate)).toBe('invalid: the signature does not fit');
      const otherSecret = `whsec_${randomBytes(32).toString('base64')}`;
      expect(await verdict(command, 'hmac', request, otherSecret)).toBe('invalid: the signature does not fit');
      expect(await verdict(command, 'hmac', replaced(request, /webhook-timestamp: \d+/, 'webhook-timestamp: 1790000000'), SECRETS[0]!)).toBe('invalid: the push is too old');
      const date = 'Date: Thu, 01 Jan 2026 00:00:00 GMT';
      expect(await verdict(command, 'rsa', replaced(request, /Date: [^\r]+/, date), certificate)).toBe('invalid: the push is too old');
    },
    SLOW,
  );
});
