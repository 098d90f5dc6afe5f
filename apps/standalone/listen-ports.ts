import { createServer, type Server } from 'node:net';
import type { HubSettings } from '#runtime/hub-settings.js';
import { BadSetting } from '#runtime/setting.js';

/**
 * Makes sure that the ports are free before anything is started, so that the usual mistake (a hub that runs already, two
 * equal ports) is answered with one line instead of a process that fails.
 *
 * @throws BadSetting
 */
export async function checkPorts({ host, apiPort, bridgePort, workerPort, tlsCert, tlsPort }: HubSettings): Promise<void> {
  const ports = {
    MAGPIE_API_PORT: apiPort,
    MAGPIE_BRIDGE_PORT: bridgePort,
    MAGPIE_WORKER_PORT: workerPort,
    ...(tlsCert !== undefined && { MAGPIE_TLS_PORT: tlsPort }),
  };
  const held: Server[] = [];
  try {
    for (const [setting, port] of Object.entries(ports)) held.push(await listen(host, port, setting));
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

function listen(host: string, port: number, setting: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') reject(new BadSetting(setting, String(port), `a port that is free on ${host}, this one is in use`));
      else if (error.code === 'EACCES') reject(new BadSetting(setting, String(port), 'a port that this user may listen on'));
      else reject(new BadSetting('MAGPIE_HOST', JSON.stringify(host), `an address of this machine (${error.code})`));
    });
    server.listen(port, host, () => resolve(server));
  });
}
