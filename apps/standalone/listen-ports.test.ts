import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { readHubSettings } from '#runtime/hub-settings.js';
import { freePort } from '../../test/support/free-port.js';
import { checkPorts } from './listen-ports.js';

describe('checkPorts', () => {
  it('names the setting whose port is in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const settings = readHubSettings({ MAGPIE_API_PORT: '0', MAGPIE_BRIDGE_PORT: String(port), MAGPIE_WORKER_PORT: '0' });
    const complaint = `MAGPIE_BRIDGE_PORT is ${port}: expected a port that is free on 127.0.0.1, this one is in use`;
    await expect(checkPorts(settings)).rejects.toThrow(complaint);
    await new Promise((resolve) => server.close(resolve));
  });

  it('notices that two settings name the same port', async () => {
    const port = String(await freePort());
    const settings = readHubSettings({ MAGPIE_API_PORT: port, MAGPIE_BRIDGE_PORT: port, MAGPIE_WORKER_PORT: '0' });
    await expect(checkPorts(settings)).rejects.toThrow(`MAGPIE_BRIDGE_PORT is ${port}`);
  });

  it('looks at the port of https where there is a certificate', async () => {
    const port = String(await freePort());
    const equal = { MAGPIE_API_PORT: port, MAGPIE_TLS_PORT: port, MAGPIE_BRIDGE_PORT: '0', MAGPIE_WORKER_PORT: '0' };
    await expect(checkPorts(readHubSettings(equal))).resolves.toBeUndefined();
    const withTls = readHubSettings({ ...equal, MAGPIE_TLS_CERT: 'a.pem', MAGPIE_TLS_KEY: 'b.pem' });
    await expect(checkPorts(withTls)).rejects.toThrow(`MAGPIE_TLS_PORT is ${port}`);
  });

  it('says so when the address is not one of this machine', async () => {
    const complaint = 'MAGPIE_HOST is "192.0.2.1": expected an address of this machine (EADDRNOTAVAIL)';
    await expect(checkPorts(readHubSettings({ MAGPIE_HOST: '192.0.2.1' }))).rejects.toThrow(complaint);
  });

  it('leaves the ports free', async () => {
    const settings = readHubSettings({ MAGPIE_API_PORT: String(await freePort()), MAGPIE_BRIDGE_PORT: '0', MAGPIE_WORKER_PORT: '0' });
    await checkPorts(settings);
    await expect(checkPorts(settings)).resolves.toBeUndefined();
  });
});
