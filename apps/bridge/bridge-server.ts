import { MessageChannel, Worker } from 'node:worker_threads';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { EventSource } from '#event-source/event-source.js';
import type { Logger } from '#runtime/log.js';
import type { Bridge } from './bridge.js';
import { BridgeModule } from './bridge.module.js';
import { IntakeLink } from './intake/intake-link.js';
import type { OtherAnswer, OtherRequest, StopTimes } from './intake/intake-messages.js';
import type { IntakeServerOptions } from './intake/intake-server.js';
import type { IntakeToken } from './intake/intake-token.js';

/** Megabytes of the heap of the thread, which holds nothing but requests. */
const THREAD_HEAP = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

export interface BridgeServerOptions {
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  /** Starts the intake's server; in a thread of its own unless a test says otherwise. */
  readonly startIntake?: (options: IntakeServerOptions) => void;
  /** The thread has ended by an error: nothing is taken in any more. */
  readonly onFailure: (error: unknown) => void;
}

/** The bridge's HTTP side: the intake's thread, which owns the socket, and the Nest application, which answers what is not the intake. */
export class BridgeServer {
  private constructor(
    private readonly app: NestFastifyApplication,
    private readonly link: IntakeLink,
    readonly port: number,
  ) {}

  /** @throws Error when the port cannot be had */
  static async listen(bridge: Bridge, token: IntakeToken, logger: Logger, options: BridgeServerOptions): Promise<BridgeServer> {
    const app = await createApplication(bridge, token, logger);
    const { port1, port2 } = new MessageChannel();
    const link = new IntakeLink(port1, bridge, (request) => answer(app, request));
    token.onChange((digests) => link.tell({ kind: 'tokens', digests }));
    bridge.onSources(({ byName }) => token.setOwn(ownTokens(byName.values())));
    const { host, port, startIntake = startThread(options.onFailure) } = options;
    startIntake({ host, port, digests: token.digests, counters: bridge.counters.memory, main: port2 });
    return new BridgeServer(app, link, await link.listening);
  }

  /** Stops accepting, lets requests finish, and cuts what is left after the deadline. */
  async stop(times: StopTimes): Promise<void> {
    await this.link.stop(times);
    await this.app.close();
  }
}

function ownTokens(sources: Iterable<EventSource>): (readonly [source: string, token: string])[] {
  return [...sources].flatMap(({ name, intakeToken }) => (intakeToken === undefined ? [] : [[name, intakeToken] as const]));
}

function startThread(onFailure: (error: unknown) => void): (options: IntakeServerOptions) => void {
  return (options) => {
    const thread = new Worker(new URL('./intake/intake-thread.js', import.meta.url), {
      name: 'intake',
      workerData: options,
      transferList: [options.main],
      resourceLimits: THREAD_HEAP,
    });
    thread.on('error', onFailure);
  };
}

/** Never listens: requests come through the thread. */
async function createApplication(bridge: Bridge, token: IntakeToken, logger: Logger): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({ logger: false, skipMiddie: true, exposeHeadRoutes: false, routerOptions: { ignoreTrailingSlash: true } });
  const app = await NestFactory.create<NestFastifyApplication>(BridgeModule.with(bridge, token), adapter, {
    // Errors of requests are logged below; those of the start are thrown.
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
  adapter.getInstance().addHook('onError', async (request, _reply, error) => {
    if ((error.statusCode ?? 500) >= 500) logger.error({ err: error, url: request.url }, 'request failed');
  });
  return app.init();
}

async function answer(app: NestFastifyApplication, { id, method, url, headers, bytes }: OtherRequest): Promise<OtherAnswer> {
  try {
    const payload = bytes.length > 0 ? { payload: Buffer.from(bytes) } : {};
    const { statusCode, headers: answered, rawPayload } = await app.inject({ method, url, headers, ...payload });
    // The connection is the thread's.
    delete answered.connection;
    delete answered['transfer-encoding'];
    return { id, status: statusCode, headers: answered, bytes: new Uint8Array(rawPayload) };
  } catch (error) {
    return { id, status: 400, headers: { 'content-type': 'text/plain; charset=utf-8' }, bytes: Buffer.from(`${String(error)}\n`) };
  }
}
