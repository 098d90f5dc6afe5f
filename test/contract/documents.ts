import { expect } from '@jest/globals';
import { exactHeader, type MnsResponse } from './mns-client.js';

/** A whole document as the service writes it: declaration, root in the namespace, lines indented below it. */
export function xml(root: string, ...lines: readonly string[]): string {
  const body = lines.length === 0 ? '' : `\n${lines.map((line) => `  ${line}\n`).join('')}`;
  return `<?xml version="1.0" ?>\n<${root} xmlns="http://mns.aliyuncs.com/doc/v1">${body}</${root}>`;
}

/** The headers that every answer carries, by their exact names. */
export function expectMnsHeaders(response: MnsResponse): void {
  expect(exactHeader(response, 'Content-Type')).toBe('text/xml;charset=utf-8');
  expect(exactHeader(response, 'Content-Length')).toBe(response.status === 204 ? undefined : String(Buffer.byteLength(response.body)));
  expect(exactHeader(response, 'Server')).toBe('AliyunMQS');
  expect(exactHeader(response, 'x-mns-version')).toBe('2015-06-06');
  expect(exactHeader(response, 'x-mns-request-id')).toMatch(/^[0-9A-F]{24}$/);
  expect(Math.abs(Date.parse(exactHeader(response, 'Date') ?? '') - Date.now())).toBeLessThan(5_000);
}

/** A whole error document; `hostId` as the service gives it, scheme and host. */
export function expectMnsError(response: MnsResponse, status: number, code: string, message: string, hostId: string): void {
  const requestId = exactHeader(response, 'x-mns-request-id');
  expect(response.body).toBe(
    xml(
      'Error',
      `<Code>${code}</Code>`,
      `<Message>${message}</Message>`,
      `<RequestId>${requestId}</RequestId>`,
      `<HostId>${hostId}</HostId>`,
    ),
  );
  expect(response.status).toBe(status);
  expectMnsHeaders(response);
}

/** Status and code in one, to compare at a glance. */
export function outcomeOf(response: MnsResponse): string {
  const code = /<Code>([^<]*)<\/Code>/.exec(response.body)?.[1];
  return code === undefined ? String(response.status) : `${response.status} ${code}`;
}
