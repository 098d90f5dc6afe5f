import type { Writable } from 'node:stream';
import { Cluster, type Redis } from 'ioredis';

/** Commands of a turn that are written at once, each by itself: Redis begins while this process still works. */
const AT_ONCE = 3;

/**
 * Writes many commands of one turn of the event loop with one system call: the first few go at once, what follows them goes when the
 * turn is over. Redis reads them together, too, and answers them after one sync of its append-only file. A lone command waits for nothing.
 */
export function batchWrites(client: Redis | Cluster): void {
  if (client instanceof Cluster) {
    client.on('+node', (node: Redis) => node.on('connect', () => corkTurns(node.stream)));
    return;
  }
  client.on('connect', () => corkTurns(client.stream));
}

function corkTurns(stream: Writable): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  let commands = 0;
  const endTurn = (): void => {
    if (commands > AT_ONCE) stream.uncork();
    commands = 0;
  };
  stream.write = (...args: unknown[]): boolean => {
    commands += 1;
    if (commands === 1) setImmediate(endTurn);
    if (commands === AT_ONCE + 1) stream.cork();
    return write(...args);
  };
}
