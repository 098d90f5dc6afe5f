import { Counter, Gauge, type Registry } from 'prom-client';
import type { MemoryWatch, NodeMemory } from './memory-watch.js';

/** Shows in a process's metrics what its memory watch knows; each look at the metrics reads anew. */
export function addMemoryMetrics(registry: Registry, watch: MemoryWatch): void {
  gauge('magpie_redis_memory_used_bytes', 'Memory of Redis that counts against its limit.', ({ used }) => used);
  gauge('magpie_redis_memory_limit_bytes', 'Memory that Redis may use (maxmemory); 0 = no limit.', ({ limit }) => limit);
  gauge('magpie_redis_memory_mark_bytes', 'High-water mark above which new messages are refused; 0 = none.', ({ mark }) => mark);
  gauge('magpie_redis_refusing', '1 while new messages are refused because memory is above the mark.', ({ refusing }) => (refusing ? 1 : 0));
  new Counter({
    name: 'magpie_redis_refused_total',
    help: 'Calls that would have stored something and were refused because the memory of Redis is above the mark, or full.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(watch.refused);
    },
  });

  function gauge(name: string, help: string, valueOf: (node: NodeMemory) => number): void {
    new Gauge({
      name,
      help,
      labelNames: ['node'],
      registers: [registry],
      async collect() {
        await watch.refresh();
        this.reset();
        for (const node of watch.nodes) this.set({ node: node.node }, valueOf(node));
      },
    });
  }
}
