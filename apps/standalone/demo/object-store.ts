import { randomBytes } from 'node:crypto';
import { buildARN, Client, NotificationConfig, QueueConfig } from 'minio';
import { MinioServer } from './minio-server.js';

export interface IntakeAddress {
  /** `<bridge>/intake/s3/<source>` */
  readonly url: string;
  readonly token: string;
}

/** Where the demo's objects go: each `put` must lead to one event at the intake. */
export interface ObjectStore {
  put(key: string): Promise<void>;
  /** A shell command that does the same once more. */
  putCommand(key: string): string;
  stop(): Promise<void>;
}

const CONTENT = 'a magpie brings the news\n';

export interface MinioStoreOptions {
  /** Path of the server program. */
  readonly program: string;
  readonly bucket: string;
  readonly intake: IntakeAddress;
  /** What the bucket reports, as in `s3:ObjectCreated:*`. */
  readonly events: readonly string[];
}

/** A MinIO with two webhooks on the bridge: a durable one, and one without a queue that is quicker. */
export class MinioStore implements ObjectStore {
  private constructor(
    private readonly server: MinioServer,
    readonly client: Client,
    private readonly bucket: string,
  ) {}

  static async start({ program, bucket, intake: { url, token }, events }: MinioStoreOptions): Promise<MinioStore> {
    const webhooks = [
      { id: 'MAGPIE', endpoint: url, token, queueDir: true },
      { id: 'MAGPIEFAST', endpoint: `${url}/fast`, token },
    ];
    const server = await MinioServer.start({ program, webhooks });
    const { accessKey, secretKey, port } = server;
    const client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, accessKey, secretKey, region: 'us-east-1' });
    await client.makeBucket(bucket);
    const notification = new NotificationConfig();
    for (const { id } of webhooks) {
      const target = new QueueConfig(buildARN('minio', 'sqs', '', id, 'webhook'));
      for (const event of events) target.addEvent(event);
      notification.add(target);
    }
    await client.setBucketNotification(bucket, notification);
    return new MinioStore(server, client, bucket);
  }

  get endpoint(): string {
    return this.server.endpoint;
  }

  async put(key: string): Promise<void> {
    await this.client.putObject(this.bucket, key, CONTENT, undefined, { 'Content-Type': 'image/jpeg' });
  }

  putCommand(key: string): string {
    const { accessKey, secretKey, endpoint } = this.server;
    return `curl -sS --aws-sigv4 aws:amz:us-east-1:s3 -u ${accessKey}:${secretKey} -T package.json ${endpoint}/${this.bucket}/${key}`;
  }

  /** A shell command that prints an object of any bucket. */
  getCommand(path: string): string {
    const { accessKey, secretKey, endpoint } = this.server;
    return `curl -sS --aws-sigv4 aws:amz:us-east-1:s3 -u ${accessKey}:${secretKey} ${endpoint}/${path}`;
  }

  async stop(): Promise<void> {
    await this.server.stop();
  }
}

/** Stands in where there is no MinIO: posts the webhook body that MinIO would. */
export class WebhookPoster implements ObjectStore {
  constructor(
    private readonly bucket: string,
    private readonly intake: IntakeAddress,
  ) {}

  async put(key: string): Promise<void> {
    const body = this.#body(key, randomBytes(8).toString('hex').toUpperCase(), new Date().toISOString());
    const headers = { Authorization: `Bearer ${this.intake.token}`, 'Content-Type': 'application/json' };
    const response = await fetch(this.intake.url, { method: 'POST', headers, body });
    if (!response.ok) throw new Error(`the intake answered ${response.status}: ${await response.text()}`);
  }

  putCommand(key: string): string {
    // Another request id each time: the same one again would be taken for a copy of the same event.
    const body = this.#body(key, `'$(openssl rand -hex 8)'`, `'$(date -u +%Y-%m-%dT%H:%M:%S.000Z)'`);
    const headers = `-H 'Authorization: Bearer ${this.intake.token}' -H 'Content-Type: application/json'`;
    return `curl -sS ${headers} -d '${body}' ${this.intake.url}`;
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  #body(key: string, requestId: string, eventTime: string): string {
    const record = {
      eventVersion: '2.0',
      eventSource: 'minio:s3',
      awsRegion: '',
      eventTime,
      eventName: 's3:ObjectCreated:Put',
      userIdentity: { principalId: 'demo' },
      requestParameters: { principalId: 'demo', region: '', sourceIPAddress: '127.0.0.1' },
      responseElements: { 'x-amz-request-id': requestId },
      s3: {
        s3SchemaVersion: '1.0',
        configurationId: 'demo',
        bucket: { name: this.bucket, ownerIdentity: { principalId: 'demo' }, arn: `arn:aws:s3:::${this.bucket}` },
        object: {
          key: encodeURIComponent(key),
          size: CONTENT.length,
          eTag: '9e107d9d372bb6826bd81d3542a419d6',
          contentType: 'image/jpeg',
          sequencer: requestId,
        },
      },
      source: { host: '127.0.0.1', port: '', userAgent: 'demo' },
    };
    return JSON.stringify({ EventName: 's3:ObjectCreated:Put', Key: `${this.bucket}/${key}`, Records: [record] });
  }
}
