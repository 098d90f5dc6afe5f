import 'reflect-metadata';
import { silentLogger } from '#runtime/log.js';
import { Bridge, type BridgeSettings } from '../../apps/bridge/bridge.js';
import { BridgeServer } from '../../apps/bridge/bridge-server.js';
import { IntakeToken } from '../../apps/bridge/intake/intake-token.js';

/**
 * The bridge as it is, in a process of its own, whose main thread can be made to do something else: a message with a number blocks it
 * for so many milliseconds. Arguments: the token, and the settings as JSON. Says its port, and that it blocks.
 */
const [token = '', settings = ''] = process.argv.slice(2);

const bridge = new Bridge({ ...(JSON.parse(settings) as BridgeSettings), secretKey: Buffer.alloc(32, 1) }, silentLogger);
const server = await BridgeServer.listen(bridge, new IntakeToken(token), silentLogger, {
  host: '127.0.0.1',
  port: 0,
  onFailure: () => process.exit(1),
});
await bridge.start();
process.send?.({ port: server.port });
process.once('disconnect', () => process.exit(0));
process.on('message', (millis: number) => {
  process.send?.('blocks', () => {
    const end = performance.now() + millis;
    while (performance.now() < end) continue;
  });
});
