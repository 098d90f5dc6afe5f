import { createRequire } from 'node:module';

export interface MnsSdkReply<Body> {
  readonly code: number;
  readonly body: Body;
}

/** The part of the official Node SDK that is used here; it has no types of its own. Its calls for subscriptions are empty. */
export interface MnsSdk {
  createQueue(name: string): Promise<MnsSdkReply<unknown>>;
  deleteQueue(name: string): Promise<MnsSdkReply<unknown>>;
  createTopic(name: string): Promise<MnsSdkReply<unknown>>;
  receiveMessage(queue: string, waitSeconds: number): Promise<MnsSdkReply<{ MessageBody: string; ReceiptHandle: string }>>;
  deleteMessage(queue: string, receiptHandle: string): Promise<MnsSdkReply<unknown>>;
  put(resource: string, type: string, body: Buffer): Promise<MnsSdkReply<unknown>>;
  delete(resource: string, type: string, body: string): Promise<MnsSdkReply<unknown>>;
}

interface MnsSdkOptions {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** @throws Error when the development dependencies are not installed. */
export function openMnsSdk(account: string, options: MnsSdkOptions): MnsSdk {
  const Sdk = createRequire(import.meta.url)('@alicloud/mns') as new (account: string, options: MnsSdkOptions) => MnsSdk;
  return new Sdk(account, options);
}

export interface DemoSubscription {
  readonly name: string;
  readonly endpoint: string;
  readonly filterTag: string;
}

/** Subscribes to messages as they were published, without an envelope; an older subscription of that name makes room. */
export async function subscribe(sdk: MnsSdk, topic: string, { name, endpoint, filterTag }: DemoSubscription): Promise<void> {
  const resource = `/topics/${topic}/subscriptions/${name}`;
  const members = { Endpoint: endpoint, FilterTag: filterTag, NotifyContentFormat: 'SIMPLIFIED' };
  const elements = Object.entries(members).map(([element, value]) => `<${element}>${value}</${element}>`);
  const body = `<Subscription xmlns="http://mns.aliyuncs.com/doc/v1/">${elements.join('')}</Subscription>`;
  await sdk.delete(resource, 'Subscription', '');
  await sdk.put(resource, 'Subscription', Buffer.from(body));
}
