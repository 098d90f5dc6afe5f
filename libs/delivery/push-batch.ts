import { hash } from 'node:crypto';
import { isWholeWithin } from '#queue/queue-attributes.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { notificationBody, type NotifyContentFormat, type Notification } from './notification.js';

/** How the messages of one push stand in its body: as a JSON array, or as one JSON document a line. */
export const BATCH_FORMS = ['array', 'lines'] as const;
export type BatchForm = (typeof BATCH_FORMS)[number];

/** Several messages in one push to an http endpoint. */
export interface PushBatch {
  /** Messages at the most, 2 to 100. */
  readonly size: number;
  /** Milliseconds, 0 to 1,000, that a message waits for others; 0: only what is due together goes together. */
  readonly waitMillis: number;
  readonly form: BatchForm;
}

export const BATCH_CONTENT_TYPE: Readonly<Record<BatchForm, string>> = {
  array: 'text/json;charset=utf-8',
  lines: 'application/x-ndjson;charset=utf-8',
};

const SIZE = [2, 100] as const;
const WAIT = [0, 1_000] as const;
const MEMBERS = ['size', 'waitMillis', 'form'];

/** `{"size": 50, "waitMillis": 100, "form": "lines"}`; the last two may be left out. @throws InvalidArgument */
export function readBatch(value: unknown): PushBatch {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InvalidArgument('batch', 'batch is an object with size, or null.');
  const unknown = Object.keys(value).find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) throw new InvalidArgument(`batch.${unknown}`, `${unknown} is not known in batch. Known: ${MEMBERS.join(', ')}.`);
  const { size, waitMillis = 0, form = 'array' } = value as Readonly<Record<string, unknown>>;
  if (typeof size !== 'number' || !isWholeWithin(size, ...SIZE)) throw InvalidArgument.outOfRange('batch.size', ...SIZE, 'messages');
  if (typeof waitMillis !== 'number' || !isWholeWithin(waitMillis, ...WAIT)) {
    throw InvalidArgument.outOfRange('batch.waitMillis', ...WAIT, 'milliseconds');
  }
  const known = BATCH_FORMS.find((name) => name === form);
  if (known === undefined) throw new InvalidArgument('batch.form', `form is one of ${BATCH_FORMS.join(', ')}.`);
  return { size, waitMillis, form: known };
}

/** @throws InvalidArgument unless the subscription's pushes can carry several messages */
export function checkBatch(batch: PushBatch | undefined, endpoint: string, format: NotifyContentFormat): void {
  if (batch === undefined) return;
  if (!/^https?:/i.test(endpoint)) throw new InvalidArgument('batch', `batch is for http endpoints; this one is ${endpoint}.`);
  if (format !== 'JSON') throw new InvalidArgument('batch', `batch needs the NotifyContentFormat JSON; this subscription has ${format}.`);
}

export function batchBody(form: BatchForm, notifications: readonly Notification[]): string {
  const documents = notifications.map((notification) => notificationBody('JSON', notification));
  return form === 'lines' ? documents.map((document) => `${document}\n`).join('') : `[${documents.join(',')}]`;
}

/** The same when the same messages come together again. */
export function batchId(notifications: readonly Notification[]): string {
  return `batch_${hash('sha256', notifications.map(({ messageId }) => messageId).join(' '), 'hex').slice(0, 32)}`;
}
