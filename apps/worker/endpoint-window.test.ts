import { describe, expect, it } from '@jest/globals';
import { SettableClock } from '#runtime/clock.js';
import { EndpointWindow, EndpointWindows, FULL_WINDOW } from './endpoint-window.js';

const START = 1_000_000;

function open(): { clock: SettableClock; window: EndpointWindow; fail: (times?: number) => void } {
  const clock = new SettableClock(START);
  const window = new EndpointWindow(clock);
  /** One attempt after the other. */
  const fail = (times = 1): void => {
    for (let time = 0; time < times; time++) {
      clock.advance(10);
      window.failed(clock.now());
    }
  };
  return { clock, window, fail };
}

describe('EndpointWindow', () => {
  it('lets 32 pushes fly to an endpoint that never failed', () => {
    const { window } = open();
    expect(window.size).toBe(FULL_WINDOW);
    expect(window.pausedUntil).toBe(0);
  });

  it('does not pause for four failures in a row: a single message with BACKOFF_RETRY keeps its schedule', () => {
    const { window, fail } = open();
    fail(4);
    expect(window.size).toBe(2);
    expect(window.pausedUntil).toBe(0);
  });

  it('pauses for 1, 2, 4, … 60 seconds while nothing succeeds', () => {
    const { clock, window, fail } = open();
    fail(7);
    const pauses = Array.from({ length: 8 }, () => {
      fail();
      const pause = window.pausedUntil - clock.now();
      clock.advance(pause);
      return pause / 1_000;
    });
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    expect(window.size).toBe(1);
  });

  it('counts one step for all attempts that were in flight together', () => {
    const { clock, window } = open();
    const startedAt = clock.now();
    clock.advance(5_000);
    for (let attempt = 0; attempt < 32; attempt++) window.failed(startedAt);
    expect(window.pausedUntil).toBe(clock.now() + 1_000);
    expect(window.size).toBe(1);
    clock.advance(1_000);
    window.failed(clock.now());
    expect(window.pausedUntil).toBe(clock.now() + 2_000);
  });

  it('is back at full speed within 100 s when the endpoint recovers in the longest pause', () => {
    const { clock, window, fail } = open();
    fail(30);
    const recovered = clock.now();
    clock.advance(window.pausedUntil - clock.now());
    let rounds = 0;
    while (window.size < FULL_WINDOW) {
      const inFlight = window.size;
      clock.advance(5_000);
      for (let attempt = 0; attempt < inFlight; attempt++) window.succeeded();
      rounds += 1;
    }
    expect(rounds).toBe(5);
    expect(clock.now() - recovered).toBeLessThanOrEqual(100_000);
    expect(window.isHealthy).toBe(true);
    expect(window.pausedUntil).toBe(0);
  });

  it('keeps most of its speed when one attempt in five fails', () => {
    const { clock, window } = open();
    for (let round = 0; round < 50; round++) {
      const inFlight = window.size;
      const startedAt = clock.now();
      clock.advance(10);
      for (let attempt = 0; attempt < inFlight; attempt++) {
        if (attempt % 5 === 4) window.failed(startedAt);
        else window.succeeded();
      }
    }
    expect(window.size).toBeGreaterThanOrEqual(8);
    expect(window.pausedUntil).toBe(0);
  });

  it('does at once what Retry-After asks for, but never waits longer than a minute', () => {
    const { clock, window } = open();
    window.failed(clock.now(), 20);
    expect(window.pausedUntil).toBe(clock.now() + 20_000);
    expect(window.size).toBe(1);
    window.failed(clock.now(), 86_400);
    expect(window.pausedUntil).toBe(clock.now() + 60_000);
  });

  it('goes on from the pause of another worker', () => {
    const { clock, window } = open();
    window.continueAfter(16_000);
    expect(window.size).toBe(1);
    expect(window.pausedUntil).toBe(0);
    window.failed(clock.now());
    expect(window.pausedUntil).toBe(clock.now() + 32_000);
  });
});

describe('EndpointWindows', () => {
  it('forgets the healthy ones and remembers the others', () => {
    const clock = new SettableClock(START);
    const windows = new EndpointWindows(clock);
    const [healthy, failing] = [windows.get('a'), windows.get('b')];
    failing.failed(clock.now(), 30);
    windows.release('a');
    windows.release('b');
    expect(windows.get('a')).not.toBe(healthy);
    expect(windows.get('b')).toBe(failing);
    expect(windows.countPaused()).toBe(1);
  });
});
