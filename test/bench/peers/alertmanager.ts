import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RawConnection } from '../raw-connection.js';
import { goProgram } from './go-program.js';
import { startPeer } from './peer-process.js';

const VERSION = 'v0.28.1';
const MODULE = 'github.com/prometheus/alertmanager';
/** Milliseconds after which an alert is over and forgotten. */
const LIFE = 60_000;

/** Prometheus Alertmanager: state in memory, unsigned webhooks. Each alert is a group of its own that goes out at once. */
export interface Alertmanager {
  readonly name: string;
  connect(count: number): Promise<RawConnection[]>;
  publish(lane: RawConnection, body: string): Promise<void>;
  stop(): Promise<void>;
}

/** @throws Error that says in one line why it cannot run here. */
export async function startAlertmanager(endpoints: readonly string[]): Promise<Alertmanager> {
  const program = await goProgram({ name: 'alertmanager', module: MODULE, version: VERSION, go: '1.22.0', package: `${MODULE}/cmd/alertmanager` });
  const { port, stop } = await startPeer(program, async (dir, free) => {
    const settings = join(dir, 'alertmanager.yml');
    await writeFile(settings, configuration(endpoints));
    const storage = `--storage.path=${join(dir, 'data')}`;
    return [`--config.file=${settings}`, storage, `--web.listen-address=127.0.0.1:${free}`, '--cluster.listen-address=', '--log.level=error'];
  });
  return {
    name: `Alertmanager ${VERSION}`,
    connect: (count) => Promise.all(Array.from({ length: count }, () => RawConnection.open('127.0.0.1', port))),
    publish,
    stop,
  };
}

/** JSON, which YAML is a superset of. */
function configuration(endpoints: readonly string[]): string {
  return JSON.stringify({
    route: { receiver: 'fan', group_by: ['...'], group_wait: '0s', group_interval: '5m', repeat_interval: '4h' },
    receivers: [{ name: 'fan', webhook_configs: endpoints.map((url) => ({ url, send_resolved: false })) }],
  });
}

let alerts = 0;

async function publish(lane: RawConnection, body: string): Promise<void> {
  const alert = { labels: { alertname: 'bench', number: String(++alerts) }, annotations: { summary: body }, endsAt: new Date(Date.now() + LIFE).toISOString() };
  const text = JSON.stringify([alert]);
  const answer = await lane.request(
    `POST /api/v2/alerts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  );
  if (answer.status !== 200) throw new Error(`Alertmanager answered ${answer.status}: ${answer.body}`);
}
