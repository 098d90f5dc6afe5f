import { describe, expect, it } from '@jest/globals';
import { OrderedTasks } from './ordered-tasks.js';

/** A task that runs until it is told to end. */
function task(log: string[], name: string) {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return {
    run: async () => {
      log.push(`${name}+`);
      await ended;
      log.push(`${name}-`);
    },
    end,
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('OrderedTasks', () => {
  it('runs tasks of one name one after the other, others at the same time', async () => {
    const log: string[] = [];
    const tasks = new OrderedTasks(10);
    const [a1, a2, b] = [task(log, 'a1'), task(log, 'a2'), task(log, 'b')];
    tasks.add('a', a1.run);
    tasks.add('a', a2.run);
    tasks.add('b', b.run);
    await turn();
    expect(log).toEqual(['a1+', 'b+']);
    a1.end();
    await turn();
    expect(log).toEqual(['a1+', 'b+', 'a1-', 'a2+']);
    a2.end();
    b.end();
    await tasks.idle();
    expect(log).toHaveLength(6);
  });

  it('runs no more than the limit', async () => {
    const log: string[] = [];
    const tasks = new OrderedTasks(2);
    const all = ['a', 'b', 'c'].map((name) => task(log, name));
    all.forEach((one, index) => tasks.add(String(index), one.run));
    await turn();
    expect(log).toEqual(['a+', 'b+']);
    all[1]!.end();
    await turn();
    expect(log).toEqual(['a+', 'b+', 'b-', 'c+']);
    for (const one of all) one.end();
    await tasks.idle();
  });

  it('goes on after a task that failed', async () => {
    const tasks = new OrderedTasks(1);
    const log: string[] = [];
    tasks.add('a', () => Promise.reject(new Error('defect')));
    tasks.add('a', async () => void log.push('next'));
    await tasks.idle();
    expect(log).toEqual(['next']);
  });

  it('is idle at once when there is nothing to do', async () => {
    await new OrderedTasks(1).idle();
  });
});
