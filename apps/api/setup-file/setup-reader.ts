import { EndpointInvalid, parseEndpoint } from '#delivery/endpoint.js';
import { NOTIFY_CONTENT_FORMATS } from '#delivery/notification.js';
import { NOTIFY_STRATEGIES } from '#delivery/notify-strategy.js';
import { readBoolean, readOneOf, readText } from '#event-rule/document-reader.js';
import { readEventRule, type EventRule } from '#event-rule/event-rule.js';
import { checkSourceName, readEventSource, type EventSourceChange } from '#event-source/event-source-document.js';
import { checkQueueAttributes, DEFAULT_QUEUE_ATTRIBUTES, type QueueAttributes } from '#queue/queue-attributes.js';
import { checkRule } from '#event-rule/rule-check.js';
import { QueueError } from '#queue/queue-errors.js';
import { checkQueueName } from '#queue/queue-name.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import type { SubscriptionAttributes } from '#topic/subscription.js';
import { TopicError } from '#topic/topic-errors.js';
import { checkSubscriptionName, checkTag, checkTopicName } from '#topic/topic-name.js';
import { checkTopicAttributes, DEFAULT_TOPIC_ATTRIBUTES, type TopicAttributes } from '#topic/topic.js';
import { readAttributes } from '../queue-management-request.js';
import { subscriptionOf } from '../subscription-attributes.js';
import { BadSetupFile, type Path, type SetupDocument } from './setup-document.js';
import type { GivenSubscription, QueueSetup, Setup, SourceSetup, SubscriptionSetup, TopicSetup } from './setup.js';

type Members = Readonly<Record<string, unknown>>;
type Readers<T> = { readonly [Key in keyof T]-?: (value: unknown) => NonNullable<T[Key]> };

const SECTIONS = ['queues', 'topics', 'eventSources', 'eventRules'];
/** Members that are nobody's: a place for anchors, as in compose files. */
const EXTENSION = /^x-/;

const TOPIC_READERS: Readers<TopicAttributes> = {
  maximumMessageSize: (value) => {
    const maximumMessageSize = typeof value === 'number' ? value : NaN;
    checkTopicAttributes({ maximumMessageSize });
    return maximumMessageSize;
  },
  loggingEnabled: (value) => readBoolean(value, 'loggingEnabled'),
};

/** What may be said of a subscription, each with the check of its value. */
export const SUBSCRIPTION_READERS: Readers<Omit<SubscriptionAttributes, 'options'>> = {
  endpoint: (value) => {
    const endpoint = readText(value, 'endpoint', Infinity);
    parseEndpoint(endpoint);
    return endpoint;
  },
  filterTag: (value) => {
    const tag = readText(value, 'filterTag', Infinity);
    checkTag('FilterTag', tag);
    return tag;
  },
  notifyStrategy: (value) => readOneOf(value, 'notifyStrategy', NOTIFY_STRATEGIES),
  notifyContentFormat: (value) => readOneOf(value, 'notifyContentFormat', NOTIFY_CONTENT_FORMATS),
};

/** A store that is complete, to try one member of a source with. */
const ANY_STORE = { endpoint: 'http://store:9000', credentials: { accessKey: 'any', secretKey: 'any' } };

/** A rule that is complete, to try one member of another rule with. */
const ANY_RULE = { eventTypes: ['ObjectCreated:*'], endpoint: { endpointType: 'topic', endpointValue: 'any' } };

/**
 * What a set-up file says, for one account. Whether it goes with what is there already is not asked.
 *
 * @throws BadSetupFile with all problems that can be found, one for each member.
 */
export function readSetup(document: SetupDocument, account: string): Setup {
  return new SetupReader(document, account).read();
}

/** Each member is given to the domain's own checks by itself, so that a refusal has a place and the others are looked at as well. */
class SetupReader {
  readonly #problems: string[] = [];

  constructor(
    private readonly document: SetupDocument,
    private readonly account: string,
  ) {}

  read(): Setup {
    const sections = this.#members([], this.document.value, SECTIONS);
    const setup = {
      queues: this.#named(['queues'], sections, (path, name, value) => this.#queue(path, name, value)),
      topics: this.#named(['topics'], sections, (path, name, value) => this.#topic(path, name, value)),
      sources: this.#named(['eventSources'], sections, (path, name, value) => this.#source(path, name, value)),
      rules: this.#named(['eventRules'], sections, (path, name, value) => this.#rule(path, name, value)),
    };
    if (this.#problems.length > 0) throw new BadSetupFile(this.#problems);
    return setup;
  }

  #queue(path: Path, name: string, value: unknown): QueueSetup {
    this.#checkName(path, name, checkQueueName);
    const members = this.#members(path, value, Object.keys(DEFAULT_QUEUE_ATTRIBUTES));
    const attributes = Object.keys(members).map((member) =>
      this.#attempt([...path, member], () => {
        const attribute: Partial<QueueAttributes> = readAttributes(name, { [member]: members[member] });
        checkQueueAttributes(attribute);
        return attribute;
      }),
    );
    return { name, attributes: Object.assign({}, ...attributes) as Partial<QueueAttributes> };
  }

  #topic(path: Path, name: string, value: unknown): TopicSetup {
    this.#checkName(path, name, checkTopicName);
    const members = this.#members(path, value, [...Object.keys(DEFAULT_TOPIC_ATTRIBUTES), 'subscriptions']);
    const attributes = this.#read<TopicAttributes>(path, members, TOPIC_READERS);
    const at = [...path, 'subscriptions'];
    return { name, attributes, subscriptions: this.#named(at, members, (inside, own, given) => this.#subscription(inside, own, given)) };
  }

  #subscription(path: Path, name: string, value: unknown): SubscriptionSetup {
    const before = this.#problems.length;
    this.#checkName(path, name, checkSubscriptionName);
    const members = this.#members(path, value, Object.keys(SUBSCRIPTION_READERS));
    const attributes = this.#read<Omit<SubscriptionAttributes, 'options'>>(path, { endpoint: undefined, ...members }, SUBSCRIPTION_READERS);
    // What does not go together shows only now.
    if (this.#problems.length === before) this.#attempt([...path, 'notifyContentFormat'], () => subscriptionOf(attributes));
    return { name, attributes: attributes as GivenSubscription };
  }

  /** No problem shows a value: it might be a secret. */
  #source(path: Path, name: string, value: unknown): SourceSetup {
    const before = this.#problems.length;
    this.#checkName(path, name, checkSourceName);
    const members = this.#members(path, value);
    const read = (document: object): EventSourceChange | undefined => {
      try {
        return readEventSource(name, document);
      } catch (error) {
        if (!(error instanceof InvalidArgument)) throw error;
        this.#problems.push(this.document.remark([...path, ...readPath(error.argument)], `cannot be: ${error.message}`));
        return undefined;
      }
    };
    const nameIsFine = this.#problems.length === before;
    for (const [member, given] of nameIsFine ? Object.entries(members) : []) read({ ...ANY_STORE, [member]: given });
    // What does not go together shows only now.
    return { name, change: (this.#problems.length === before ? read(members) : undefined) as EventSourceChange };
  }

  #rule(path: Path, name: string, value: unknown): EventRule {
    const before = this.#problems.length;
    this.#checkName(path, name, () => readEventRule(name, ANY_RULE));
    const given = this.#members(path, value);
    const members = { eventTypes: undefined, ...('endpoints' in given ? {} : { endpoint: undefined }), ...given };
    const placeOf = (argument: string): Path => [...path, ...readPath(argument)];
    const read = (document: object) => this.#attempt(path, () => checked(readEventRule(name, document, this.account)), placeOf);
    const nameIsFine = this.#problems.length === before;
    for (const [member, text] of nameIsFine ? Object.entries(members) : []) {
      read({ ...ANY_RULE, ...(member === 'endpoints' && { endpoint: undefined }), [member]: text });
    }
    // What does not go together shows only now.
    return (this.#problems.length === before ? read(members) : undefined) as EventRule;
  }

  /** The entries of a section that is a map of names; absent or empty: none. */
  #named<T>(path: Path, members: Members, read: (path: Path, name: string, value: unknown) => T): T[] {
    const entries = this.#members(path, members[String(path.at(-1))] ?? null);
    return Object.entries(entries).map(([name, value]) => read([...path, name], name, value));
  }

  #read<T>(path: Path, members: Members, readers: Readers<T>): Partial<T> {
    const names = (Object.keys(readers) as (keyof T & string)[]).filter((name) => name in members);
    const values = names.map((name) => [name, this.#attempt([...path, name], () => readers[name](members[name]))] as const);
    return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Partial<T>;
  }

  /** @param known left out: any name is allowed. */
  #members(path: Path, value: unknown, known?: readonly string[]): Members {
    if (value === null || value === undefined) return {};
    if (typeof value !== 'object' || Array.isArray(value)) {
      this.#problems.push(this.document.refusal(path, 'expected names, each followed by a colon and what belongs to it'));
      return {};
    }
    const isKnown = (name: string): boolean => known === undefined || known.includes(name);
    const unknown = Object.keys(value).filter((name) => !isKnown(name) && !(path.length === 0 && EXTENSION.test(name)));
    for (const name of unknown) this.#problems.push(this.document.remark([...path, name], `is not known: expected ${known!.join(', ')}`));
    return Object.fromEntries(Object.entries(value).filter(([name]) => isKnown(name)));
  }

  #checkName(path: Path, name: string, check: (name: string) => unknown): void {
    try {
      check(name);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#problems.push(this.document.remark(path, `cannot be: ${error.message}`));
    }
  }

  /** @param placeOf where the argument that the domain names stands; left out: at the path itself. */
  #attempt<T>(path: Path, read: () => T, placeOf: (argument: string) => Path = () => path): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#problems.push(this.document.refusal(error instanceof InvalidArgument ? placeOf(error.argument) : path, error.message));
      return undefined;
    }
  }
}

/** @throws InvalidArgument for a rule that can never match */
function checked(rule: EventRule): EventRule {
  const { contradiction } = checkRule(rule);
  if (contradiction !== undefined) throw new InvalidArgument(contradiction.at, `can never be met: ${contradiction.reason}`);
  return rule;
}

function isRefusal(error: unknown): error is Error {
  return [InvalidArgument, QueueError, TopicError, EndpointInvalid].some((kind) => error instanceof kind);
}

/** `matchRules[0][1].prefix` as a path. */
function readPath(argument: string): Path {
  return Array.from(argument.matchAll(/\[(\d+)\]|[^.[\]]+/g), ([name, position]) => (position === undefined ? name : Number(position)));
}
