/** What a test says about a body; everything else is as a real MinIO writes it. */
export interface MinioBody {
  readonly eventName?: string;
  readonly bucket?: string;
  readonly key?: string;
  readonly requestId?: string;
  readonly eventTime?: string;
  /** Members of the object block besides its key. */
  readonly object?: Readonly<Record<string, unknown>>;
  /** Members of the record that replace those of an ordinary PUT. */
  readonly record?: Readonly<Record<string, unknown>>;
}

let requests = 0;

/** A request id like MinIO's, never the same twice. */
export function nextRequestId(): string {
  requests += 1;
  return `18EA6597${process.pid.toString(16).padStart(4, '0').slice(-4)}${requests.toString(16).padStart(4, '0')}`.toUpperCase();
}

/** Body of a MinIO webhook as JSON text. */
export function minioBody(given: MinioBody = {}): string {
  const { bucket = 'photos', key = 'summer/a.txt', eventName = 's3:ObjectCreated:Put' } = given;
  return JSON.stringify({ EventName: eventName, Key: `${bucket}/${key}`, Records: [minioRecord(given)] });
}

/** One record of such a body. */
export function minioRecord(given: MinioBody = {}) {
  const { bucket = 'photos', key = 'summer/a.txt', eventName = 's3:ObjectCreated:Put', requestId = nextRequestId() } = given;
  const object = given.object ?? {
    size: 5,
    eTag: '5d41402abc4b2a76b9719d911017c592',
    contentType: 'text/plain',
    userMetadata: { 'X-Amz-Meta-Author': 'bob', 'content-type': 'text/plain' },
    sequencer: '18EA659740B0BB87',
  };
  return {
    eventVersion: '2.0',
    eventSource: 'minio:s3',
    awsRegion: '',
    eventTime: given.eventTime ?? '2026-11-22T14:51:41.762Z',
    eventName,
    userIdentity: { principalId: 'app-user' },
    requestParameters: { principalId: 'app-user', region: '', sourceIPAddress: '10.1.2.3' },
    responseElements: {
      'x-amz-id-2': 'f4238777a1d363e363355cdee4bc8ee31c1b440e283815b5a6afbb36a6c3e798',
      'x-amz-request-id': requestId,
      'x-minio-deployment-id': '8a92ea37-4feb-4afb-91e8-8468d6cb8c12',
      'x-minio-origin-endpoint': 'http://10.0.0.5:9000',
    },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'Config',
      bucket: { name: bucket, ownerIdentity: { principalId: 'app-user' }, arn: `arn:aws:s3:::${bucket}` },
      object: { key: queryEscape(key), ...object },
    },
    source: { host: '10.1.2.3', port: '', userAgent: 'MinIO (linux; amd64) minio-go/v7.0.91' },
    ...given.record,
  };
}

/** As Go's url.QueryEscape writes it. */
export function queryEscape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
