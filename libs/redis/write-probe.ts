import { LuaScript } from './lua-script.js';
import type { RedisClient } from './redis-client.js';

const PROBE = new LuaScript(new URL('./commands/probeWrite-1.lua', import.meta.url));
/** Milliseconds. */
const LIFE = 60_000;

/** A write like those of receiving and deleting, which go on while Redis (7 or newer) is full. */
export async function probeWrite(client: RedisClient, key: string): Promise<void> {
  await PROBE.run(client, [key], [Date.now(), LIFE]);
}
