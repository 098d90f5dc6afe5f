import { findMinio } from '../../apps/standalone/demo/minio-binary.js';
import { MinioServer, type MinioWebhook } from '../../apps/standalone/demo/minio-server.js';

/** Path of a MinIO server, or undefined: then what needs one is skipped. `npm test` and `npm run demo` build it once where there is Go. */
export const minioProgram = await findMinio({ build: false, environment: process.env });

export interface MinioTestServer {
  readonly endpoint: string;
  readonly port: number;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly pid: number;
  /** Ends it and removes its drive. */
  stop(): Promise<void>;
  /** SIGKILL; the drive stays. */
  kill9(): Promise<void>;
  /** Starts it again on its drive and port, after a graceful end when it still runs. */
  restart(): Promise<void>;
}

/** A real MinIO on loopback with the given webhook targets. */
export async function startMinio(options: {
  readonly webhooks: readonly MinioWebhook[];
  readonly environment?: Readonly<Record<string, string>>;
}): Promise<MinioTestServer> {
  if (minioProgram === undefined) throw new Error('no MinIO: put it on PATH, set MINIO_BIN, or run `npm run demo` once where there is Go');
  const server = await MinioServer.start({ program: minioProgram, ...options });
  return {
    endpoint: server.endpoint,
    port: server.port,
    accessKey: server.accessKey,
    secretKey: server.secretKey,
    get pid() {
      return server.pid;
    },
    stop: () => server.stop(),
    kill9: () => server.end('SIGKILL'),
    restart: async () => {
      await server.end('SIGTERM');
      await server.launch();
    },
  };
}
