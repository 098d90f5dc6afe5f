import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AlertMessage } from './alert-message.js';
import { AlertReceiver } from './alert-receiver.js';
import { AlertTopic } from './alert-topic.js';

const FIRING = readFileSync(new URL('samples/alertmanager-firing.json', import.meta.url), 'utf8');

describe('AlertReceiver', () => {
  const published: AlertMessage[] = [];
  let publish = async (message: AlertMessage): Promise<string> => String(published.push(message));
  let receiver: AlertReceiver;

  beforeEach(async () => {
    published.length = 0;
    publish = async (message) => String(published.push(message));
    receiver = await AlertReceiver.listen({ host: '127.0.0.1', port: 0, token: 'tok3n', publish: (message) => publish(message) });
  });
  afterEach(() => receiver.close());

  async function send(path: string, body: string, init: RequestInit = {}) {
    const response = await fetch(receiver.url + path, { method: 'POST', body, headers: { Authorization: 'Bearer tok3n' }, ...init });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  }

  it('publishes what it is told, once', async () => {
    const first = { published: [{ messageId: '1', tag: 'critical' }], repeated: 0 };
    expect(await send('/alertmanager', FIRING)).toEqual({ status: 200, json: first });
    expect(await send('/alertmanager?again', FIRING)).toEqual({ status: 200, json: { published: [], repeated: 1 } });
    expect(published).toHaveLength(1);
  });

  it('says 503 while the hub is away, and publishes when the post comes again', async () => {
    const working = publish;
    publish = async () => Promise.reject(new Error('connect ECONNREFUSED'));
    const refused = { error: 'the hub did not take the alert: connect ECONNREFUSED' };
    expect(await send('/alertmanager', FIRING)).toEqual({ status: 503, json: refused });
    publish = working;
    expect((await send('/alertmanager', FIRING)).status).toBe(200);
    expect(published).toHaveLength(1);
  });

  it('publishes only what failed when a post of several messages comes again', async () => {
    const { alerts, ...rest } = JSON.parse(FIRING) as { alerts: { labels: object }[] };
    const mixed = JSON.stringify({ ...rest, alerts: [alerts[0], { ...alerts[1], labels: { alertname: 'Other', severity: 'warning' } }] });
    const working = publish;
    publish = async (message) => (message.tag === 'warning' ? Promise.reject(new Error('away')) : working(message));
    expect((await send('/alertmanager', mixed)).status).toBe(503);
    publish = working;
    expect((await send('/alertmanager', mixed)).json).toMatchObject({ published: [{ tag: 'warning' }], repeated: 1 });
  });

  it.each([
    ['{"alerts": [', 400, /^the body is not JSON: /],
    ['', 400, /^the body is not JSON: /],
    ['{"alerts": []}', 400, /^alerts is not a list/],
    ['"$alertmanager_content"', 400, /test button of its console/],
    ['x'.repeat(1_048_577), 413, /more than 1048576 bytes/],
  ])('refuses %j', async (body, status, message) => {
    expect(await send('/arms', body)).toEqual({ status, json: { error: expect.stringMatching(message) } });
    expect(published).toEqual([]);
  });

  it('takes POST with its token, and nothing else', async () => {
    expect(await send('/alertmanager', FIRING, { headers: { Authorization: 'Bearer token' } })).toMatchObject({ status: 401 });
    expect(await send('/alertmanager', FIRING, { headers: {} })).toMatchObject({ status: 401 });
    expect(await send('/alerts', FIRING)).toMatchObject({ status: 404 });
    expect(await send('/constructor', FIRING)).toMatchObject({ status: 404 });
    expect(await send('/arms', FIRING, { method: 'PUT' })).toMatchObject({ status: 405 });
    expect(published).toEqual([]);
  });
});

describe('AlertTopic', () => {
  it('fails while the hub is away', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const account = { accountId: '1234567890123456', accessKeyId: 'id', accessKeySecret: 'secret' };
    const topic = new AlertTopic({ api: `http://127.0.0.1:${port}`, ...account });
    await expect(topic.publish({ tag: 'info', text: 'x', attributes: {}, key: 'k' })).rejects.toThrow(/ECONNREFUSED/);
  });
});
