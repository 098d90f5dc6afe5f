import { buildARN, Client, NotificationConfig, QueueConfig } from 'minio';
import { TOKEN } from '../../apps/bridge/running-bridge.fixture.js';
import { startMinio, type MinioTestServer } from '../support/minio-server.js';

/** A real MinIO that tells a bridge, or something in its place, of what is put into its buckets. */
export interface BenchStore {
  readonly server: MinioTestServer;
  readonly client: Client;
  /** Makes a bucket that tells `DURABLE`, `FAST`, or both. */
  bucket(name: string, targets: readonly string[]): Promise<void>;
}

/** @param port where its events go on this machine; its uploads wait for the answers */
export async function startBenchStore(port: number): Promise<BenchStore> {
  const endpoint = `http://127.0.0.1:${port}/intake/s3/minio`;
  const webhooks = [
    { id: 'DURABLE', endpoint, token: TOKEN, queueDir: true },
    { id: 'FAST', endpoint: `${endpoint}/fast`, token: TOKEN },
  ];
  const server = await startMinio({ webhooks });
  const { accessKey, secretKey } = server;
  const client = new Client({ endPoint: '127.0.0.1', port: server.port, useSSL: false, accessKey, secretKey, region: 'us-east-1' });
  const bucket = async (name: string, targets: readonly string[]): Promise<void> => {
    await client.makeBucket(name);
    const notification = new NotificationConfig();
    for (const id of targets) {
      const target = new QueueConfig(buildARN('minio', 'sqs', '', id, 'webhook'));
      target.addEvent('s3:ObjectCreated:*');
      notification.add(target);
    }
    await client.setBucketNotification(name, notification);
  };
  return { server, client, bucket };
}
