import { changeDeliveryOptions, checkDeliveryOptions } from '#delivery/delivery-options.js';
import { refuseSecrets, type Seal } from '#delivery/http-options.js';
import { RecordCache, type STALE } from '#queue/record-cache.js';
import { newId, readRecord, type StoredRecord } from '#queue/record.js';
import { ReplyCode } from '#queue/reply-code.js';
import type { Deployment } from '#redis/deployment.js';
import { LuaScript } from '#redis/lua-script.js';
import { listNames, type NamePage, type Page } from '#redis/name-index.js';
import { PartitionScripts, storage, type ScriptArgument } from '#redis/partition-scripts.js';
import type { RedisClient } from '#redis/redis-client.js';
import { RedisFull } from '#redis/redis-unavailable.js';
import type { Clock } from '#runtime/clock.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { PendingQueueAddress, Subscription, SubscriptionAttributes } from './subscription.js';
import { checkTopicAttributes, DEFAULT_TOPIC_ATTRIBUTES, type TopicAttributes, type TopicDescription } from './topic.js';
import { SubscriptionAlreadyExist, SubscriptionNotExist, TopicAlreadyExist, TopicNotExist } from './topic-errors.js';
import { checkSubscriptionName, checkTag, checkTopicName } from './topic-name.js';

/** A topic with its subscriptions as of one version, from this process's cache. */
export interface TopicRecord extends StoredRecord<TopicAttributes> {
  readonly partition: number;
  /** Raised by every change of the topic or of a subscription. */
  readonly stateVersion: number;
  readonly messageCount: number;
  readonly subscriptions: readonly StoredSubscription[];
}

export interface StoredSubscription extends StoredRecord<SubscriptionAttributes> {
  readonly name: string;
}

const SCRIPTS = {
  create: new LuaScript(new URL('./commands/createTopic-1.lua', import.meta.url)),
  setAttributes: new LuaScript(new URL('./commands/setTopicAttributes-1.lua', import.meta.url)),
  read: new LuaScript(new URL('./commands/readTopic-1.lua', import.meta.url)),
  delete: new LuaScript(new URL('./commands/deleteTopic-1.lua', import.meta.url)),
  subscribe: new LuaScript(new URL('./commands/subscribe-1.lua', import.meta.url)),
  setSubscription: new LuaScript(new URL('./commands/setSubscriptionAttributes-1.lua', import.meta.url)),
  unsubscribe: new LuaScript(new URL('./commands/unsubscribe-1.lua', import.meta.url)),
};

const STALE_RETRIES = 5;
/** Subscriptions of one topic at the most; MNS's limit. */
const MOST_SUBSCRIPTIONS = 100;

/** Topics, their subscriptions and the attributes of both. */
export class TopicStore {
  readonly #cache = new RecordCache<TopicRecord>({
    what: 'topic',
    size: 10_000,
    load: (account, name) => this.#load(account, name),
    isSame: (one, other) => one.id === other.id && one.stateVersion === other.stateVersion,
    judgesByRecord: (error) => error instanceof InvalidArgument,
  });
  readonly #scripts: PartitionScripts;

  constructor(
    private readonly client: RedisClient,
    readonly deployment: Deployment,
    clock?: Clock,
  ) {
    this.#scripts = new PartitionScripts(client, deployment, clock);
  }

  /**
   * @returns `unchanged` when a topic of that name exists with equal attributes, those not given counting as their defaults
   * @throws TopicAlreadyExist · InvalidArgument · TopicNameInvalid · TopicNameLengthError
   */
  async createTopic(account: string, name: string, attributes: Partial<TopicAttributes>): Promise<'created' | 'unchanged'> {
    checkTopicName(name);
    checkTopicAttributes(attributes);
    const wanted = { ...DEFAULT_TOPIC_ATTRIBUTES, ...attributes };
    const partition = this.deployment.partitionOf(account, name);
    const args = [`${account}/${name}`, newId(), JSON.stringify(wanted)];
    const reply = await this.run(SCRIPTS.create, partition, args).catch((error: unknown) => this.#findInstead(account, name, error));
    const [code, packed] = reply as [number, Buffer];
    if (code === ReplyCode.OK) return 'created';
    const { attributes: present } = readRecord<TopicAttributes>(packed);
    if (present.maximumMessageSize !== wanted.maximumMessageSize || present.loggingEnabled !== wanted.loggingEnabled) {
      throw new TopicAlreadyExist(name);
    }
    return 'unchanged';
  }

  /** Changes what is given and leaves the rest. @throws TopicNotExist · InvalidArgument */
  async setTopicAttributes(account: string, name: string, changes: Partial<TopicAttributes>): Promise<void> {
    checkTopicAttributes(changes);
    await this.#change(account, name, (topic) => [
      SCRIPTS.setAttributes,
      [topic.id, topic.version, JSON.stringify({ ...topic.attributes, ...changes })],
    ]);
  }

  /** @throws TopicNotExist */
  async getTopic(account: string, name: string): Promise<TopicDescription> {
    return describe(name, await this.#load(account, name));
  }

  /** Topics that are gone are left out. */
  async describeTopics(account: string, names: readonly string[]): Promise<TopicDescription[]> {
    const topics = await Promise.all(names.map((name) => this.#find(account, name)));
    return topics.flatMap((topic, index) => (topic === undefined ? [] : describe(names[index]!, topic)));
  }

  /** Deletes the topic with its subscriptions and what they were still owed. @returns false when there was none */
  async deleteTopic(account: string, name: string): Promise<boolean> {
    checkTopicName(name);
    this.#cache.forget(account, name);
    const [code] = (await this.run(SCRIPTS.delete, this.deployment.partitionOf(account, name), [`${account}/${name}`])) as [number];
    return code === ReplyCode.OK;
  }

  listTopics(account: string, page: Page): Promise<NamePage> {
    return storage(() => listNames(this.client, this.deployment, 'topic-names', account, page));
  }

  /**
   * @returns `unchanged` when a subscription of that name exists with equal attributes
   * @throws SubscriptionAlreadyExist when its attributes differ · TopicNotExist · InvalidArgument · RedisFull
   */
  async subscribe(account: string, topic: string, name: string, attributes: SubscriptionAttributes): Promise<'created' | 'unchanged'> {
    checkTopicName(topic);
    checkSubscriptionName(name);
    checkTag('FilterTag', attributes.filterTag);
    const args = [`${account}/${topic}`, name, newId(), JSON.stringify(attributes), MOST_SUBSCRIPTIONS, ...copiedOptions(attributes)];
    const partition = this.deployment.partitionOf(account, topic);
    const reply = await this.run(SCRIPTS.subscribe, partition, args).catch((error: unknown) => this.#findInstead(account, topic, error, name));
    const [code, packed] = reply as [number, Buffer];
    if (code === ReplyCode.GONE) throw new TopicNotExist(topic);
    if (code === ReplyCode.AGAIN) throw new InvalidArgument('Subscription', `A topic has at most ${MOST_SUBSCRIPTIONS} subscriptions.`);
    this.#cache.forget(account, topic);
    if (code === ReplyCode.OK) return 'created';
    if (!sameSubscription(readRecord<SubscriptionAttributes>(packed).attributes, attributes)) throw new SubscriptionAlreadyExist(name);
    return 'unchanged';
  }

  /** @throws TopicNotExist · SubscriptionNotExist · InvalidArgument */
  async setSubscriptionAttributes(
    account: string,
    topic: string,
    name: string,
    changes: Partial<Pick<SubscriptionAttributes, 'filterTag' | 'notifyStrategy'>>,
  ): Promise<void> {
    checkTag('FilterTag', changes.filterTag);
    await this.#changeSubscription(account, topic, name, (attributes) => ({ ...attributes, ...changes }));
  }

  /**
   * Replaces the options that the document names; null resets one.
   * @param seal encrypts the secrets among them for this subscription alone
   * @throws TopicNotExist · SubscriptionNotExist · InvalidArgument
   */
  async setDeliveryOptions(
    account: string,
    topic: string,
    name: string,
    changes: Readonly<Record<string, unknown>>,
    seal: Seal = refuseSecrets,
  ): Promise<void> {
    checkSubscriptionName(name);
    await this.#changeSubscription(account, topic, name, (attributes) => {
      const options = changeDeliveryOptions(attributes.options ?? {}, changes, seal);
      checkDeliveryOptions(options, attributes.endpoint, attributes.notifyContentFormat);
      return { ...attributes, options };
    });
  }

  /** @throws TopicNotExist · SubscriptionNotExist */
  async getSubscription(account: string, topic: string, name: string): Promise<Subscription> {
    checkSubscriptionName(name);
    const record = await this.#load(account, topic);
    return toSubscription(account, topic, record.partition, subscriptionOf(record, name));
  }

  /** @returns false when there was no such subscription. @throws TopicNotExist */
  async unsubscribe(account: string, topic: string, name: string): Promise<boolean> {
    checkTopicName(topic);
    checkSubscriptionName(name);
    this.#cache.forget(account, topic);
    const reply = await this.run(SCRIPTS.unsubscribe, this.deployment.partitionOf(account, topic), [`${account}/${topic}`, name]);
    const [code, topicExists] = reply as [number, number?];
    if (code === ReplyCode.GONE && topicExists === 0) throw new TopicNotExist(topic);
    return code === ReplyCode.OK;
  }

  /** One page of a topic's subscription names. @throws TopicNotExist */
  async listSubscriptions(account: string, topic: string, { prefix = '', marker, limit = 1_000 }: Page): Promise<NamePage> {
    const after = marker === undefined ? '' : Buffer.from(marker, 'base64url').toString('utf8');
    const names = (await this.#load(account, topic)).subscriptions
      .map(({ name }) => name)
      .filter((name) => name.startsWith(prefix) && (after === '' || name > after))
      .sort();
    if (names.length <= limit) return { names };
    return { names: names.slice(0, limit), nextMarker: Buffer.from(names[limit - 1]!).toString('base64url') };
  }

  /**
   * Runs a step with the topic's record; when the step finds the record stale, or refuses something by a record that is stale, again
   * with a fresh one.
   * @throws TopicNotExist
   */
  withTopic<T>(account: string, name: string, step: (topic: TopicRecord) => Promise<T | typeof STALE>): Promise<T> {
    return this.#cache.use(account, name, step);
  }

  /** @throws RedisUnavailable · RedisFull */
  run(script: LuaScript, partition: number, args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#scripts.run(script, partition, args);
  }

  /** Reads, changes, writes; again when somebody else wrote in between. */
  async #change(account: string, name: string, prepare: (topic: TopicRecord) => [LuaScript, ScriptArgument[]]): Promise<void> {
    for (let attempt = 0; attempt < STALE_RETRIES; attempt++) {
      const topic = await this.#load(account, name);
      const [script, args] = prepare(topic);
      const [code] = (await this.run(script, topic.partition, [`${account}/${name}`, ...args])) as [number];
      this.#cache.forget(account, name);
      if (code === ReplyCode.OK) return;
    }
    throw new Error(`topic ${name} changes faster than it can be read`);
  }

  #changeSubscription(
    account: string,
    topic: string,
    name: string,
    change: (attributes: SubscriptionAttributes) => SubscriptionAttributes,
  ): Promise<void> {
    return this.#change(account, topic, (record) => {
      const { id, version, attributes } = subscriptionOf(record, name);
      const changed = change(attributes);
      return [SCRIPTS.setSubscription, [name, id, version, JSON.stringify(changed), ...copiedOptions(changed)]];
    });
  }

  /**
   * Whoever makes sure of a topic or subscription when it starts must get on also while nothing new is stored.
   * @returns the record of what is there already, as the script that was refused would have answered
   */
  async #findInstead(account: string, topic: string, error: unknown, subscription?: string): Promise<[code: number, record?: Buffer]> {
    if (!(error instanceof RedisFull)) throw error;
    const partition = this.deployment.partitionOf(account, topic);
    const [code, , , record, ...rest] = (await this.run(SCRIPTS.read, partition, [`${account}/${topic}`])) as ReadReply;
    if (subscription !== undefined && code === ReplyCode.GONE) return [ReplyCode.GONE];
    const found = subscription === undefined ? record : rest.find((_, index) => index % 2 === 1 && rest[index - 1]!.toString() === subscription);
    if (code === ReplyCode.GONE || found === undefined) throw error;
    return [ReplyCode.EXISTS, found];
  }

  async #load(account: string, name: string): Promise<TopicRecord> {
    const topic = await this.#find(account, name);
    if (topic === undefined) throw new TopicNotExist(name);
    return topic;
  }

  async #find(account: string, name: string): Promise<TopicRecord | undefined> {
    checkTopicName(name);
    const partition = this.deployment.partitionOf(account, name);
    const key = `${account}/${name}`;
    this.#cache.forget(account, name);
    const reply = (await this.run(SCRIPTS.read, partition, [key])) as ReadReply;
    if (reply[0] === ReplyCode.GONE) return undefined;
    const topic = readTopic(partition, reply);
    this.#cache.set(account, name, topic);
    return topic;
  }
}

type ReadReply = [code: number, version: Buffer, messageCount: Buffer, record: Buffer, ...subscriptions: Buffer[]];

function readTopic(partition: number, [, version, messageCount, packed, ...rest]: ReadReply): TopicRecord {
  const subscriptions: StoredSubscription[] = [];
  for (let i = 0; i < rest.length; i += 2) {
    subscriptions.push({ ...readRecord<SubscriptionAttributes>(rest[i + 1]!), name: rest[i]!.toString() });
  }
  return {
    ...readRecord<TopicAttributes>(packed),
    partition,
    stateVersion: Number(version),
    messageCount: Number(messageCount),
    subscriptions,
  };
}

function describe(name: string, { attributes, createTime, lastModifyTime, messageCount }: TopicRecord): TopicDescription {
  return { ...attributes, name, createTime, lastModifyTime, messageCount };
}

/** @throws SubscriptionNotExist */
function subscriptionOf(topic: TopicRecord, name: string): StoredSubscription {
  const found = topic.subscriptions.find((subscription) => subscription.name === name);
  if (found === undefined) throw new SubscriptionNotExist(name);
  return found;
}

/** Options that scripts decide by, which cannot read the record: the dead-letter queue, and how long (ms) what was delivered is kept. */
function copiedOptions({ options }: SubscriptionAttributes): [deadLetterQueue: string, keepDelivered: number] {
  return [options?.deadLetterQueue ?? '', (options?.keepDelivered ?? 0) * 1_000];
}

export function toSubscription(account: string, topic: string, partition: number, stored: StoredSubscription): Subscription {
  const pendingQueue: PendingQueueAddress = { partition, id: stored.id };
  return {
    ...stored.attributes,
    topicOwner: account,
    topicName: topic,
    name: stored.name,
    createTime: stored.createTime,
    lastModifyTime: stored.lastModifyTime,
    pendingQueue,
  };
}

function sameSubscription(one: SubscriptionAttributes, other: SubscriptionAttributes): boolean {
  return (
    one.endpoint === other.endpoint &&
    one.filterTag === other.filterTag &&
    one.notifyStrategy === other.notifyStrategy &&
    one.notifyContentFormat === other.notifyContentFormat
  );
}
