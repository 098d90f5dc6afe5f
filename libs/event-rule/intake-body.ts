import type { BucketEvent } from './bucket-event.js';
import { isObject, readS3Record, UnreadableRecord, type Arrival } from './s3-record.js';

/** What a body says. Nothing is thrown: what cannot be read is a problem to be shown, never a reason to refuse. */
export interface IntakeBody {
  readonly events: readonly BucketEvent[];
  /** Why the body, or some of its records, could not be read; such a body is kept for the operator to look at. */
  readonly problems: readonly string[];
  /** Keys that were expected to be encoded and were not. */
  readonly keyFallbacks: number;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Envelopes inside each other: an S3 event in a notification of SNS in a message of SQS, as it is received, is three. */
const MOST_ENVELOPES = 4;

/**
 * Reads the bodies that S3-compatible stores send: MinIO's envelope (`EventName`, `Key`, one record), bare `{"Records": […]}` with
 * any number of records, both of them inside a CloudEvent, a notification of SNS or messages of SQS, one bare record, and `s3:TestEvent`.
 */
export function readIntakeBody(body: Uint8Array, arrival: Arrival): IntakeBody {
  let json: unknown;
  try {
    json = JSON.parse(UTF8.decode(body));
  } catch (error) {
    return failed(error instanceof SyntaxError ? `not JSON: ${error.message.slice(0, 200)}` : 'not UTF-8');
  }
  return readDocument(json, arrival, 0);
}

function readDocument(json: unknown, arrival: Arrival, depth: number): IntakeBody {
  if (!isObject(json)) return failed('not a JSON object');
  if (depth > MOST_ENVELOPES) return failed('too many envelopes');
  const messages = messagesIn(json);
  if (messages !== undefined) return combine(messages.map((text) => readMessage(text, arrival, depth)));
  if (Array.isArray(json['Records'])) return readRecords(json['Records'], json['Key'], arrival);
  if (json['Records'] === null || isTestEvent(json)) return readRecords([], undefined, arrival);
  if (typeof json['Type'] === 'string' && typeof json['Message'] === 'string') return readSnsMessage(json['Type'], json['Message'], arrival, depth);
  if (typeof json['specversion'] === 'string' && isObject(json['data'])) return readDocument(json['data'], arrival, depth + 1);
  if (isObject(json['s3'])) return readRecords([json], undefined, arrival);
  return failed('neither Records nor a test event');
}

/** Texts that a queue or a topic of AWS has wrapped: as SQS answers a receive, one of its messages, or as either calls a function. */
function messagesIn(json: Readonly<Record<string, unknown>>): readonly unknown[] | undefined {
  if (Array.isArray(json['Messages'])) return json['Messages'].map((message) => (isObject(message) ? message['Body'] : undefined));
  if (typeof json['MessageId'] === 'string' && typeof json['Body'] === 'string') return [json['Body']];
  if (!Array.isArray(json['Records']) || json['Records'].length === 0) return undefined;
  const texts = json['Records'].map((record) => (isObject(record) ? (isObject(record['Sns']) ? record['Sns']['Message'] : record['body']) : undefined));
  return texts.every((text) => typeof text === 'string') ? texts : undefined;
}

function readMessage(text: unknown, arrival: Arrival, depth: number): IntakeBody {
  if (typeof text !== 'string') return failed('a message without body');
  try {
    return readDocument(JSON.parse(text), arrival, depth + 1);
  } catch (error) {
    if (error instanceof SyntaxError) return failed('a message whose body is not JSON');
    throw error;
  }
}

function combine(bodies: readonly IntakeBody[]): IntakeBody {
  return {
    events: bodies.flatMap(({ events }) => events),
    problems: bodies.flatMap(({ problems }, index) => problems.map((problem) => `message ${index}: ${problem}`)).slice(0, 10),
    keyFallbacks: bodies.reduce((sum, { keyFallbacks }) => sum + keyFallbacks, 0),
  };
}

function isTestEvent(json: Readonly<Record<string, unknown>>): boolean {
  return json['Event'] === 's3:TestEvent';
}

/** A request to confirm a subscription is kept for the operator: the address in it is a stranger's, so we never call it. */
function readSnsMessage(type: string, message: string, arrival: Arrival, depth: number): IntakeBody {
  if (type !== 'Notification') return failed(`SNS ${type.slice(0, 100)}: to be confirmed by hand`);
  try {
    const inner: unknown = JSON.parse(message);
    return isObject(inner) && 'Type' in inner ? failed('SNS inside SNS') : readDocument(inner, arrival, depth + 1);
  } catch {
    return failed('SNS notification whose Message is not JSON');
  }
}

function readRecords(records: readonly unknown[], envelopeKey: unknown, arrival: Arrival): IntakeBody {
  const events: BucketEvent[] = [];
  const problems: string[] = [];
  let keyFallbacks = 0;
  const rawPath = records.length === 1 && typeof envelopeKey === 'string' ? envelopeKey : undefined;
  for (const [index, record] of records.entries()) {
    // NooBaa wraps its test events like others.
    if (isObject(record) && isTestEvent(record)) continue;
    try {
      const read = readS3Record(record, arrival, rawPath);
      if (read === undefined) continue;
      events.push(read.event);
      if (read.keyFallback) keyFallbacks++;
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
      problems.push(`record ${index}: ${error.message}`);
    }
  }
  return { events, problems: problems.slice(0, 10), keyFallbacks };
}

function failed(problem: string): IntakeBody {
  return { events: [], problems: [problem], keyFallbacks: 0 };
}
