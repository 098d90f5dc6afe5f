// Servers on this machine that take what a real provider would, show it and keep nothing, so that the example runs without any account.

import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MailCatcher } from '../../apps/standalone/demo/mail-catcher.js';
import type { Destination, StandIns } from './channels.js';

export type OnArrival = (destination: Destination['name'], text: string) => void;

export interface RunningStandIns extends StandIns {
  close(): Promise<void>;
}

export async function startStandIns(onArrival: OnArrival): Promise<RunningStandIns> {
  const dingtalkSecret = `SEC${randomBytes(16).toString('hex')}`;
  const sms = await serve((url) => takeSms(url, onArrival));
  const dingtalk = await serve((url, body) => takeRobotMessage(url, body, dingtalkSecret, onArrival));
  const mail = await MailCatcher.listen(({ to, subject, text }) => {
    onArrival('e-mail', `to ${to}, subject ${JSON.stringify(subject)}: ${firstAlert(text)}`);
  });
  const servers = [sms, dingtalk];
  return {
    smsUrl: urlOf(sms),
    smtpUrl: mail.url,
    dingtalkUrl: `${urlOf(dingtalk)}/robot/send?access_token=stand-in`,
    dingtalkSecret,
    close: async () => {
      for (const server of servers) server.closeAllConnections();
      await Promise.all([mail.close(), ...servers.map((server) => new Promise((resolve) => server.close(resolve)))]);
    },
  };
}

/** SendSms of Dysmsapi 2017-05-25, whose parameters are in the query. */
function takeSms({ searchParams }: URL, onArrival: OnArrival): object {
  const variables = Object.entries(JSON.parse(searchParams.get('TemplateParam') ?? '{}') as Record<string, string>);
  const filled = variables.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(' ');
  const [phone, signName, template] = ['PhoneNumbers', 'SignName', 'TemplateCode'].map((name) => searchParams.get(name));
  onArrival('sms', `to ${phone}, 【${signName}】 template ${template} with ${filled}`);
  return { Code: 'OK', Message: 'OK', RequestId: randomBytes(8).toString('hex'), BizId: '1' };
}

interface RobotPost {
  readonly markdown?: { readonly title: string; readonly text: string };
}

/** A custom robot of DingTalk that verifies signatures. */
function takeRobotMessage({ searchParams }: URL, body: string, secret: string, onArrival: OnArrival): object {
  const timestamp = searchParams.get('timestamp') ?? '';
  const expected = createHmac('sha256', secret).update(`${timestamp}\n${secret}`).digest('base64');
  if (searchParams.get('sign') !== expected) return { errcode: 310000, errmsg: 'sign not match' };
  const { markdown } = JSON.parse(body) as RobotPost;
  if (markdown === undefined) return { errcode: 40035, errmsg: 'this robot wants markdown' };
  onArrival('dingtalk', `markdown ${JSON.stringify(markdown.title)}: ${firstAlert(markdown.text)}`);
  return { errcode: 0, errmsg: 'ok' };
}

/** The first item of the list of alerts. */
function firstAlert(text: string): string {
  return text.split('\n').find((line) => line.startsWith('- ')) ?? text;
}

async function serve(answer: (url: URL, body: string) => object): Promise<Server> {
  const server = createServer((request, response) => {
    readText(request).then(
      (body) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(answer(new URL(request.url ?? '/', 'http://localhost'), body)));
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
