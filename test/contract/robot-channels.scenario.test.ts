import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { startFcmServer, type FcmServer } from '../support/fcm-server.js';
import { startRobotServer, type RobotServer } from '../support/robot-server.js';
import { ManagementClient } from './management-client.js';
import { startApi, type RunningApi } from './running-api.js';

describe('channels of robots and mobile pushes', () => {
  let api: RunningApi;
  let client: ManagementClient;
  let robot: RobotServer;
  let fcm: FcmServer;
  const log: string[] = [];

  beforeAll(async () => {
    api = await startApi({ pushAllow: ['loopback'], logger: pino({ level: 'trace' }, { write: (line: string) => void log.push(line) }) });
    client = new ManagementClient(api.url, api.credentials);
    [robot, fcm] = [await startRobotServer('dingtalk'), await startFcmServer()];
  });
  afterAll(async () => {
    await Promise.all([api.stop(), robot.stop(), fcm.stop()]);
  });

  it('are made and tested, and show no secret', async () => {
    const settings = { webhookUrl: robot.url, secret: robot.secret };
    const made = await client.call('PUT', 'channels/ops', { type: 'dingtalk', settings });
    expect([made.status, made.json]).toEqual([201, expect.objectContaining({ kind: 'robot', settings: {}, secrets: { webhookUrl: expect.anything(), secret: expect.anything() } })]);
    const checked = await client.call('POST', 'channels/ops/test');
    expect(checked.json).toMatchObject({ sent: false, outcome: 'delivered' });
    expect(robot.seen).toHaveLength(0);
    const sent = await client.call('POST', 'channels/ops/test', { text: '喜鹊', title: 'hi', format: 'markdown' });
    expect(sent.json).toMatchObject({ sent: true, outcome: 'delivered', code: 200 });
    expect(robot.seen).toMatchObject([{ text: '喜鹊', title: 'hi' }]);

    const account = { serviceAccount: fcm.serviceAccount, baseUrl: fcm.url };
    expect((await client.call('PUT', 'channels/app', { type: 'fcm', default: true, settings: account })).json).toMatchObject({ kind: 'mobile', default: true });
    expect((await client.call('POST', 'channels/app/test')).json).toMatchObject({ sent: false, outcome: 'delivered' });
    expect((await client.call('POST', 'channels/app/test', { token: 'dev1' })).json).toMatchObject({ sent: true, outcome: 'delivered' });
    expect([fcm.checked.length, fcm.messages.length]).toEqual([1, 1]);

    const shown = JSON.stringify([made.json, checked.json, sent.json, (await client.call('GET', 'channels')).json]) + log.join('');
    for (const secret of [robot.token, robot.secret, 'PRIVATE KEY', 'ya29']) expect(shown).not.toContain(secret);
  });

  it.each([
    [{ type: 'slack', settings: {} }, 'webhookUrl'],
    [{ type: 'slack', settings: { webhookUrl: 'ftp://host/tok3n' } }, 'webhookUrl'],
    [{ type: 'wecom', settings: { webhookUrl: 'https://host/x', secret: 'x' } }, 'secret'],
    [{ type: 'fcm', settings: { serviceAccount: '{"project_id":"p"}' } }, 'serviceAccount'],
  ])('refuses %j', async (body, member) => {
    const { json } = await client.call('PUT', 'channels/bad', body);
    expect(json).toMatchObject({ status: 400, code: 'InvalidArgument', detail: expect.stringContaining(member) });
    expect(JSON.stringify(json)).not.toContain('tok3n');
  });

  it.each([
    ['ops', { to: 'x' }],
    ['ops', { text: 7 }],
    ['app', { topic: 'a', token: 'b' }],
    ['app', { title: 'nobody' }],
  ])('refuses a test of %s with %j', async (name, body) => {
    expect((await client.call('POST', `channels/${name}/test`, body)).json).toMatchObject({ status: 400, code: 'InvalidArgument' });
  });
});
