import { fork } from 'node:child_process';
import { once } from 'node:events';
import { endWithThisProcess } from '../../apps/standalone/demo/end-with-this-process.js';

export interface EventSink {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** `event-sink.ts` in a process of its own. */
export async function startEventSink(): Promise<EventSink> {
  const child = fork(new URL('./event-sink.js', import.meta.url));
  endWithThisProcess(child, 'SIGKILL');
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    port,
    pid: child.pid!,
    stop: async () => {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}
