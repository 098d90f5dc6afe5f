import { randomUUID } from 'node:crypto';
import type { Removal, SimulatedVersion } from './simulated-buckets.js';
import { isoTime } from './simulated-listing.js';

export type StoreFlavour = 'minio' | 'rustfs';

/** One thing that happened, before it is written as a record. */
export interface SimulatedEvent {
  /** With `s3:`. */
  readonly name: string;
  readonly bucket: string;
  readonly key: string;
  readonly object: object;
  /** Nanoseconds since the epoch. */
  readonly sequencer: bigint;
  readonly requestId: string;
}

/** Writes event records as MinIO and RustFS do: for the listen stream and for webhooks each on its own. */
export class RecordWriter {
  readonly #deploymentId = randomUUID();
  #requests = 0x18ea_6597_0000_0000n;

  constructor(
    private readonly flavour: StoreFlavour,
    private readonly clock: () => number,
  ) {}

  /** Names one request; all events of the request share it. */
  newRequestId(): string {
    this.#requests += 1n;
    return this.#requests.toString(16).toUpperCase();
  }

  created(name: string, bucket: string, version: SimulatedVersion, requestId = this.newRequestId()): SimulatedEvent {
    const { key, size, eTag, contentType, userMetadata, versionId, time } = version;
    const object = {
      ...(size > 0 && { size }),
      eTag,
      contentType,
      userMetadata: { ...userMetadata, 'content-type': contentType },
      ...(versionId !== 'null' && { versionId }),
    };
    return { name: `s3:ObjectCreated:${name}`, bucket, key, object, sequencer: time, requestId };
  }

  removed(bucket: string, { event, key, versionId, time }: Removal, requestId = this.newRequestId()): SimulatedEvent {
    return { name: `s3:ObjectRemoved:${event}`, bucket, key, object: versionId === undefined ? {} : { versionId }, sequencer: time, requestId };
  }

  /** As it stands in a webhook's body: with the key encoded, and in the clear in the envelope. */
  webhookBody(event: SimulatedEvent): string {
    return JSON.stringify({ EventName: event.name, Key: `${event.bucket}/${event.key}`, Records: [this.#record(event, formEncode(event.key))] });
  }

  /** A line of the listen stream, without its end. */
  listenLine(event: SimulatedEvent): string {
    return JSON.stringify({ Records: [this.#record(event, this.flavour === 'rustfs' ? formEncode(event.key) : event.key)] });
  }

  #record({ name, bucket, object, sequencer, requestId }: SimulatedEvent, key: string): object {
    return {
      eventVersion: '2.0',
      eventSource: `${this.flavour}:s3`,
      awsRegion: '',
      // Each record is built on its own: copies of one event differ here.
      eventTime: new Date(this.clock()).toISOString(),
      eventName: name,
      userIdentity: { principalId: 'simulator' },
      requestParameters: { principalId: 'simulator', region: '', sourceIPAddress: '127.0.0.1' },
      responseElements: {
        'x-amz-id-2': 'f4238777a1d363e363355cdee4bc8ee31c1b440e283815b5a6afbb36a6c3e798',
        'x-amz-request-id': requestId,
        'x-minio-deployment-id': this.#deploymentId,
      },
      s3: {
        s3SchemaVersion: '1.0',
        configurationId: 'Config',
        bucket: { name: bucket, ownerIdentity: { principalId: 'simulator' }, arn: `arn:aws:s3:::${bucket}` },
        object: { key, ...object, sequencer: sequencer.toString(16).toUpperCase() },
      },
      source: { host: '127.0.0.1', port: '', userAgent: `simulator since ${isoTime(sequencer)}` },
    };
  }
}

/** Go's `url.QueryEscape`. */
function formEncode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
