import type { Ability, Attributes, ListPage, Operation, Takes } from './operations.js';

/**
 * What is done and what must come back, for every client. In texts `{q}`, `{t}` and `{s}` are names of the scenario's own, and
 * `{name}` is what an earlier step kept under that name.
 */
export interface Scenario {
  readonly title: string;
  /** Beside the operations of its steps. */
  readonly needs?: readonly Ability[];
  readonly credentials?: 'wrong secret' | 'unknown key';
  /** Milliseconds for all steps together. */
  readonly within?: number;
  /** It waits for time to pass. */
  readonly waits?: boolean;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly operation: Operation;
  readonly takes: object;
  /** What the result must contain; a RegExp stands for a text that matches. */
  readonly gives?: object;
  /** Code of the error that must come instead. */
  readonly refused?: string;
  /** Paths in the result, by the names under which they are kept: `{ handle: 'messages.0.receiptHandle' }`. */
  readonly keeps?: Readonly<Record<string, string>>;
}

type Outcome = Pick<Step, 'gives' | 'keeps'>;

export function does<O extends Operation>(operation: O, takes: Takes<O>, gives: object = {}, keeps: Outcome['keeps'] = {}): Step {
  return { operation, takes, gives, keeps };
}

export function refuses<O extends Operation>(operation: O, takes: Takes<O>, refused: string): Step {
  return { operation, takes, refused };
}

export const queue = '{q}';
export const topic = '{t}';
export const subscription = '{s}';
export const endpoint = 'acs:mns:cn-test:1234567890123456:queues/{q}';
export const created = (attributes?: Attributes): Step => does('createQueue', { queue, ...(attributes && { attributes }) });
export const topicCreated = does('createTopic', { topic });
export const subscribed = does(
  'subscribe',
  { topic, subscription, endpoint, format: 'JSON' },
  { url: /\/topics\/{t}\/subscriptions\/{s}$/ },
);
export const sent = (body: string): Step => does('sendMessage', { queue, body });
export const fifoQueue = created({ QueueType: 'fifo' });
export const empty = refuses('receiveMessage', { queue }, 'MessageNotExist');
export const page = (urls: readonly RegExp[], marker: ListPage['marker'] | RegExp): object => ({ urls, marker });

export const MESSAGE_ID = /^[0-9A-F]{32}$/;
export const TIME = /^\d{10}$/;
export const HANDLE = /^\S+$/;
export const HELLO_MD5 = '5D41402ABC4B2A76B9719D911017C592';
