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

/**
 * Reads the bodies that S3-compatible stores send: MinIO's envelope (`EventName`, `Key`, one record), bare `{"Records": […]}` with
 * any number of records, both of them inside a CloudEvent or an SNS notification, one bare record, and `s3:TestEvent`.
 */
export function readIntakeBody(body: Uint8Array, arrival: Arrival): IntakeBody {
  let json: unknown;
  try {
    json = JSON.parse(UTF8.decode(body));
  } catch (error) {
    return failed(error instanceof SyntaxError ? `not JSON: ${error.message.slice(0, 200)}` : 'not UTF-8');
  }
  return readDocument(json, arrival);
}

function readDocument(json: unknown, arrival: Arrival): IntakeBody {
  if (!isObject(json)) return failed('not a JSON object');
  if (Array.isArray(json['Records'])) return readRecords(json['Records'], json['Key'], arrival);
  if (json['Records'] === null || json['Event'] === 's3:TestEvent') return readRecords([], undefined, arrival);
  if (typeof json['Type'] === 'string' && typeof json['Message'] === 'string') return readSnsMessage(json['Type'], json['Message'], arrival);
  if (typeof json['specversion'] === 'string' && isObject(json['data'])) return readDocument(json['data'], arrival);
  if (isObject(json['s3'])) return readRecords([json], undefined, arrival);
  return failed('neither Records nor a test event');
}

/** A request to confirm a subscription is kept for the operator: the address in it is a stranger's, so we never call it. */
function readSnsMessage(type: string, message: string, arrival: Arrival): IntakeBody {
  if (type !== 'Notification') return failed(`SNS ${type.slice(0, 100)}: to be confirmed by hand`);
  try {
    const inner: unknown = JSON.parse(message);
    return isObject(inner) && 'Type' in inner ? failed('SNS inside SNS') : readDocument(inner, arrival);
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
