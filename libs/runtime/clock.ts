/** Source of time, in milliseconds since the epoch. Handed in wherever a decision depends on time, so that tests can move it. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** A clock that stands still until a test moves it. */
export class SettableClock implements Clock {
  constructor(private millis: number) {}

  now(): number {
    return this.millis;
  }

  advance(millis: number): void {
    this.millis += millis;
  }
}
