import { describe, expect, it } from '@jest/globals';
import { FairShare } from './fair-share.js';

const WINDOW = 32;

/** An account whose pending queues take all that they can get. */
class Hog {
  readonly held: number[];

  constructor(
    readonly share: FairShare,
    readonly account: string,
    queues: number,
  ) {
    this.held = Array<number>(queues).fill(0);
    this.takeAll();
  }

  takeAll(): void {
    for (let queue = 0; queue < this.held.length; queue++) this.take(queue);
  }

  /** One push after the other ends. */
  giveBack(count: number): void {
    for (let queue = 0; count > 0; queue = (queue + 1) % this.held.length) {
      if (this.held[queue] === 0) continue;
      this.held[queue]! -= 1;
      this.share.give(this.account, 1);
      count -= 1;
    }
  }

  private take(queue: number): void {
    this.held[queue]! += this.share.take(this.account, this.held[queue]!, WINDOW - this.held[queue]!);
  }
}

describe('FairShare', () => {
  it('gives a queue its whole window while there is room', () => {
    const share = new FairShare();
    expect(new Hog(share, 'a', 60).held.every((held) => held === WINDOW)).toBe(true);
  });

  it('leaves some to others, however many queues an account has', () => {
    const share = new FairShare();
    new Hog(share, 'a', 5_000);
    expect(share.heldBy('a')).toBeLessThanOrEqual(3_072);
    expect(share.take('b', 0, WINDOW)).toBe(WINDOW);
  });

  it('comes to equal shares when several accounts want everything, and still leaves some', () => {
    const share = new FairShare();
    const hogs = ['a', 'b', 'c', 'd'].map((account) => new Hog(share, account, 200));
    for (let round = 0; round < 300; round++) {
      for (const hog of hogs) hog.giveBack(Math.ceil(share.heldBy(hog.account) / 10));
      for (const hog of hogs) hog.takeAll();
    }
    const held = hogs.map(({ account }) => share.heldBy(account));
    expect(Math.max(...held) / Math.min(...held)).toBeLessThan(2);
    expect(share.take('e', 0, WINDOW)).toBeGreaterThanOrEqual(8);
  });

  it('leaves something to the other queues of an account whose endpoints hang', () => {
    const share = new FairShare();
    const { held } = new Hog(share, 'a', 300);
    expect(Math.min(...held)).toBe(1);
    expect(share.take('a', 0, WINDOW)).toBe(1);
  });

  it('takes back what is given back, and knows what was taken before its account was known', () => {
    const share = new FairShare(400);
    const count = share.take('', 0, 1);
    share.transfer('', 'a', count);
    expect([share.heldBy(''), share.heldBy('a')]).toEqual([0, 1]);
    share.give('a', 1);
    expect(share.heldBy('a')).toBe(0);
    expect(share.take('a', 0, 3)).toBe(3);
  });

  it('wakes one account after the other', () => {
    const share = new FairShare(400);
    const woken: string[] = [];
    for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) share.wait(name[0]!, () => woken.push(name));
    const gone = (): void => void woken.push('gone');
    share.wait('d', gone);
    share.leave('d', gone);
    const held = share.take('x', 0, 3);
    share.give('x', held);
    expect(woken).toEqual(['a1', 'b1', 'c1'].slice(0, held));
    for (let slot = 0; slot < 4; slot++) {
      share.take('x', 0, 1);
      share.give('x', 1);
    }
    expect(woken).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
  });
});
