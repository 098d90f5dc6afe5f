import { isWholeWithin } from '#queue/queue-attributes.js';
import { checkQueueName } from '#queue/queue-name.js';
import { InvalidArgument } from '#runtime/invalid-argument.js';
import { parseEndpoint, type Endpoint } from './endpoint.js';
import {
  checkHttpOptions,
  readClientCertificate,
  readHeaders,
  readSignature,
  readSigningSecrets,
  refuseSecrets,
  showClientCertificate,
  showHeaders,
  showSigningSecrets,
  type ClientCertificate,
  type PushHeaders,
  type PushSignature,
  type Seal,
  type Sealed,
} from './http-options.js';
import type { NotifyContentFormat } from './notification.js';
import { checkBatch, readBatch, type PushBatch } from './push-batch.js';

/**
 * What a subscription can be told beyond what MNS knows. An absent option has its default.
 *
 * A new option needs its member here, its line in `OPTIONS` below, and its line in `docs/protocol.md`; storing, reading and showing
 * it follow from that.
 */
export interface DeliveryOptions {
  /** Queue of the topic's owner that takes what was given up. Absent: kept with the subscription, see `docs/delivery.md`. */
  readonly deadLetterQueue?: string;
  /** Seconds after publishing at which a delivery is too old to be made, 60 to 604,800; a day when absent. Holds for what is published from then on. */
  readonly retentionSeconds?: number;
  /** Seconds for which what was delivered is kept and can be replayed, 0 to 604,800; 0 when absent: not at all. */
  readonly keepDelivered?: number;
  /** Seconds before each retry, 0 to 43,200, instead of the notify strategy's; at most 200, none for no retry. */
  readonly schedule?: readonly number[];
  /** Attempts a second, 1 to 10,000, over all workers; as many as the endpoint takes when absent. The lease script reads it here. */
  readonly maxPerSecond?: number;
  /** Headers of an HTTP push beyond its own. */
  readonly headers?: PushHeaders;
  /** How HTTP pushes are signed; as MNS does when absent. */
  readonly signature?: PushSignature;
  /** For `signature` hmac and both: one secret, or the new and the old one while they are being changed. */
  readonly signingSecrets?: readonly Sealed[];
  /** What the hub shows to an https endpoint that asks for it. */
  readonly clientCertificate?: ClientCertificate;
  /** Several messages in one push; each push carries one when absent. */
  readonly batch?: PushBatch;
}

interface Option<Value> {
  /** The value that a document gives it; secrets are sealed, those that it does not repeat come from the current value. @throws InvalidArgument */
  readonly read: (value: unknown, seal: Seal, current: Value | undefined) => Value;
  /** What holds, and is shown, when the option is not set; null when the option is simply off. */
  readonly absent: Value | null;
  /** What may be shown of a value; all of it when absent. */
  readonly show?: (value: Value) => unknown;
}

/** Seconds that a published message waits for a subscription at the most unless its options say otherwise; as in MNS. */
export const DEFAULT_RETENTION = 86_400;

const RETENTION = [60, 604_800] as const;
const KEEP_DELIVERED = [0, 604_800] as const;
const SCHEDULE_DELAY = [0, 43_200] as const;
const SCHEDULE_LENGTH = 200;
const MAX_PER_SECOND = [1, 10_000] as const;

const OPTIONS: { readonly [Name in keyof DeliveryOptions]-?: Option<NonNullable<DeliveryOptions[Name]>> } = {
  deadLetterQueue: { read: readDeadLetterQueue, absent: null },
  retentionSeconds: { read: readRetention, absent: DEFAULT_RETENTION },
  keepDelivered: { read: readKeepDelivered, absent: 0 },
  schedule: { read: readSchedule, absent: null },
  maxPerSecond: { read: readMaxPerSecond, absent: null },
  headers: { read: readHeaders, absent: {}, show: showHeaders },
  signature: { read: readSignature, absent: 'rsa' },
  signingSecrets: { read: readSigningSecrets, absent: null, show: showSigningSecrets },
  clientCertificate: { read: readClientCertificate, absent: null, show: showClientCertificate },
  batch: { read: readBatch, absent: null },
};

type AnyOption = readonly [name: keyof DeliveryOptions, option: Option<unknown>];
const ENTRIES = Object.entries(OPTIONS) as unknown as readonly AnyOption[];

export const DELIVERY_OPTION_NAMES: readonly string[] = ENTRIES.map(([name]) => name);

/**
 * Every option that the document names is replaced, null resets it, the others stay.
 * @param seal encrypts the secrets among them
 * @throws InvalidArgument
 */
export function changeDeliveryOptions(
  options: DeliveryOptions,
  changes: Readonly<Record<string, unknown>>,
  seal: Seal = refuseSecrets,
): DeliveryOptions {
  const changed: Record<string, unknown> = { ...options };
  for (const [name, { read }] of ENTRIES) {
    const value = changes[name];
    if (value === null) delete changed[name];
    else if (value !== undefined) changed[name] = read(value, seal, options[name]);
  }
  return changed;
}

/** Whether options go with each other, and with the endpoint and format of their subscription. @throws InvalidArgument */
export function checkDeliveryOptions(options: DeliveryOptions, endpointText: string, format: NotifyContentFormat): void {
  const { deadLetterQueue } = options;
  const endpoint = knownEndpoint(endpointText);
  if (deadLetterQueue !== undefined && endpoint?.kind === 'queue' && endpoint.queue === deadLetterQueue) {
    throw new InvalidArgument('deadLetterQueue', 'The dead-letter queue is another one than the queue that the subscription delivers to.');
  }
  checkHttpOptions(endpointText, options);
  checkBatch(options.batch, endpointText, format);
}

/** Undefined for an endpoint of another release. */
function knownEndpoint(text: string): Endpoint | undefined {
  try {
    return parseEndpoint(text);
  } catch {
    return undefined;
  }
}

/** Every option with what holds for it, as its owner may see it. */
export function showDeliveryOptions(options: DeliveryOptions): Record<string, unknown> {
  return Object.fromEntries(
    ENTRIES.map(([name, { absent, show }]) => {
      const value = options[name];
      return [name, value === undefined ? absent : show === undefined ? value : show(value)];
    }),
  );
}

function readDeadLetterQueue(value: unknown): string {
  if (typeof value !== 'string') throw new InvalidArgument('deadLetterQueue', 'deadLetterQueue is the name of a queue, or null.');
  checkQueueName(value);
  return value;
}

function readRetention(value: unknown): number {
  const [low, high] = RETENTION;
  if (typeof value !== 'number' || !isWholeWithin(value, low, high)) throw InvalidArgument.outOfRange('retentionSeconds', low, high, 'seconds');
  return value;
}

function readKeepDelivered(value: unknown): number {
  const [low, high] = KEEP_DELIVERED;
  if (typeof value !== 'number' || !isWholeWithin(value, low, high)) throw InvalidArgument.outOfRange('keepDelivered', low, high, 'seconds');
  return value;
}

function readSchedule(value: unknown): readonly number[] {
  const [low, high] = SCHEDULE_DELAY;
  if (!Array.isArray(value) || value.length > SCHEDULE_LENGTH) {
    throw new InvalidArgument('schedule', `schedule is a list of at most ${SCHEDULE_LENGTH} delays in seconds, or null.`);
  }
  return value.map((delay: unknown, index) => {
    if (typeof delay === 'number' && isWholeWithin(delay, low, high)) return delay;
    throw InvalidArgument.outOfRange(`schedule[${index}]`, low, high, 'seconds');
  });
}

function readMaxPerSecond(value: unknown): number {
  const [low, high] = MAX_PER_SECOND;
  if (typeof value !== 'number' || !isWholeWithin(value, low, high)) throw InvalidArgument.outOfRange('maxPerSecond', low, high, 'attempts a second');
  return value;
}
