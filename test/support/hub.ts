import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HubProcess, type HubExit } from '../../apps/standalone/demo/hub-process.js';
import type { Credentials } from '../../apps/standalone/credentials.js';
import type { HubAddresses } from '../../apps/standalone/hub.js';

/** The project's folder, seen from the sources as well as from dist/. */
const root = fileURLToPath(new URL(import.meta.url.includes('/dist/test/') ? '../../../' : '../../', import.meta.url));

/** What `npm start` runs; built from the sources before every `npm test`. */
export const hubMain = join(root, 'dist/apps/standalone/main.js');

export interface TestHub {
  readonly addresses: HubAddresses;
  readonly credentials: Credentials;
  readonly dataDir: string;
  readonly pid: number;
  /** Lines on standard output. */
  readonly output: readonly string[];
  /** Lines of the log, of all its processes. */
  readonly log: readonly string[];
  readonly exited: Promise<HubExit>;
  signal(signal: NodeJS.Signals): void;
  /** Removes the data directory as well, unless the settings named one. */
  stop(): Promise<HubExit>;
}

/** The environment of a hub for tests: free ports, a data directory of its own, nothing of the surrounding one but the search path. */
export async function hubEnvironment(settings: Readonly<Record<string, string>> = {}) {
  const { PATH, HOME } = process.env;
  const dataDir = settings['MAGPIE_DATA_DIR'] ?? (await mkdtemp(join(tmpdir(), 'magpie-hub-')));
  const preset = { MAGPIE_API_PORT: '0', MAGPIE_BRIDGE_PORT: '0', MAGPIE_WORKER_PORT: '0' };
  return { PATH, HOME, ...preset, ...settings, MAGPIE_DATA_DIR: dataDir };
}

/** A whole hub, as built in dist/, in processes of its own. */
export async function startHub(settings: Readonly<Record<string, string>> = {}): Promise<TestHub> {
  const environment = await hubEnvironment(settings);
  const removeData = async (): Promise<void> => {
    if (settings['MAGPIE_DATA_DIR'] === undefined) await rm(environment.MAGPIE_DATA_DIR, { recursive: true, force: true });
  };
  const log: string[] = [];
  const starting = HubProcess.start({ main: hubMain, environment, onLog: (line) => log.push(line) });
  const hub = await starting.catch(async (error: unknown) => {
    await removeData();
    throw error;
  });
  return {
    addresses: hub.addresses,
    credentials: hub.credentials,
    dataDir: environment.MAGPIE_DATA_DIR,
    pid: hub.pid,
    output: hub.output,
    log,
    exited: hub.exited,
    signal: (signal) => hub.signal(signal),
    stop: async () => {
      const exit = await hub.stop();
      await removeData();
      return exit;
    },
  };
}
