import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from './measure.js';
import type { PushSink } from './push-sink.js';
import type { RawConnection } from './raw-connection.js';

/** Endpoints of the topic: each message is pushed so often. */
export const COPIES = 4;
/** Deliveries that may be on their way at a time: more would only measure how a backlog is kept. */
const ON_THEIR_WAY = 1_000;
/** Seconds in which what is still on its way must have arrived. */
const SETTLE = 60;
/** Characters of a body, as many as `BODY` has. */
const BODY_LENGTH = 1_024;

/** Whatever takes messages and pushes each of them to all of its endpoints. */
export interface Fan {
  /** One publish, answered as it must be. `body` has only characters that need no escaping anywhere. */
  readonly publish: (lane: RawConnection, body: string) => Promise<void>;
  readonly lanes: readonly RawConnection[];
  readonly sink: PushSink;
}

/** Deliveries that arrive per second while as much is published as the endpoints take. @throws Error when one does not arrive */
export async function arrivalRate({ publish, lanes, sink }: Fan, seconds: number): Promise<number> {
  const [before, start] = [sink.count, performance.now()];
  const end = start + seconds * 1_000;
  let published = 0;
  await Promise.all(
    lanes.map(async (lane) => {
      while (performance.now() < end) {
        if ((published + 1) * COPIES - (sink.count - before) > ON_THEIR_WAY) {
          await sleep(1);
        } else {
          published += 1;
          await publish(lane, timedBody());
        }
      }
    }),
  );
  const rate = (sink.count - before) / ((performance.now() - start) / 1_000);
  await allArrived(sink, before + published * COPIES);
  return rate;
}

/** Milliseconds from publishing to arrival of each delivery while `rate` messages a second are published, whatever becomes of them. */
export async function arrivalTimes({ publish, lanes, sink }: Fan, rate: number, seconds: number, copies = COPIES): Promise<number[]> {
  const times: number[] = [];
  const before = sink.count;
  sink.onBody = (body) => times.push(performance.now() - timeIn(body));
  const free = [...lanes];
  const failures: unknown[] = [];
  const [start, total] = [performance.now(), Math.round(rate * seconds)];
  for (let published = 0; published < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1_000) * rate) + 1);
    for (; published < due && free.length > 0; published++) {
      const lane = free.pop()!;
      publish(lane, timedBody()).then(
        () => free.push(lane),
        (error: unknown) => failures.push(error),
      );
    }
    if (failures.length > 0) throw failures[0] as Error;
    await sleep(1);
  }
  const behind = (performance.now() - start) / 1_000 / seconds;
  if (behind > 1.05) throw new Error(`${Math.round(rate)} publishes a second were not reached: ${total} took ${(behind * seconds).toFixed(1)} s`);
  await allArrived(sink, before + total * copies);
  sink.onBody = undefined;
  return times;
}

export function p99(times: readonly number[]): number {
  return percentile(times, 0.99);
}

export function millis(time: number): string {
  return `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
}

export async function allArrived(sink: PushSink, count: number): Promise<void> {
  const deadline = performance.now() + SETTLE * 1_000;
  while (sink.count < count) {
    if (performance.now() > deadline) throw new Error(`${count - sink.count} deliveries did not arrive within ${SETTLE} s`);
    await sleep(5);
  }
}

const FILLING = 'magpie '.repeat(BODY_LENGTH / 7);

/** 1 KB of text that begins with the time. */
function timedBody(): string {
  return `at ${performance.now().toFixed(3)} ${FILLING}`.slice(0, BODY_LENGTH).padEnd(BODY_LENGTH, '.');
}

const MARK = Buffer.from('at ');

/** Every peer puts the body somewhere into a document of its own. */
function timeIn(body: Buffer): number {
  for (let at = body.indexOf(MARK); at !== -1; at = body.indexOf(MARK, at + 1)) {
    const time = /^\d+\.\d{3} /.exec(body.toString('latin1', at + MARK.length, at + MARK.length + 24));
    if (time !== null) return Number(time[0]);
  }
  throw new Error(`no time in ${body.toString('utf8', 0, 300)}`);
}
