import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Endpoint } from '#delivery/endpoint.js';
import { sampleDelivery } from '../../../test/support/sample-delivery.js';
import type { Channel } from './channel.js';

/** The other side of a channel, in each of the states that the contract speaks of. */
export interface ChannelScene<To extends Endpoint> {
  readonly channel: Channel<To>;
  /** Takes everything. */
  readonly accepting: string;
  /** What has arrived at the accepting endpoint, by the text of its body. */
  arrived(): Promise<readonly string[]>;
  /** Refuses now and may take it later. */
  readonly refusing: string;
  /** Refuses for good, whatever is sent; absent where the endpoint cannot say so. */
  readonly rejecting?: string;
  /** Neither takes nor refuses: no answer ever comes. Absent where nothing is asked over a network of its own. */
  readonly silent?: string;
  stop(): Promise<void>;
}

const NEVER = new AbortController().signal;

/** What holds for every channel. `open` builds one with a time limit short enough to be waited for. */
export function describeChannel<To extends Endpoint>(name: string, open: () => Promise<ChannelScene<To>>): void {
  describe(`contract of a channel: ${name}`, () => {
    let scene: ChannelScene<To>;
    beforeAll(async () => {
      scene = await open();
    });
    afterAll(() => scene.stop());

    const send = (endpoint: string, body = 'hello', signal = NEVER) => scene.channel.send(sampleDelivery<To>(endpoint, { body }), signal);

    it('delivers', async () => {
      expect(await send(scene.accepting, 'first')).toMatchObject({ kind: 'delivered' });
      expect(await scene.arrived()).toContain('first');
    });

    it('delivers many at the same time, each once', async () => {
      const bodies = Array.from({ length: 40 }, (_, number) => `at once ${number}`);
      const outcomes = await Promise.all(bodies.map((body) => send(scene.accepting, body)));
      expect(outcomes.every(({ kind }) => kind === 'delivered')).toBe(true);
      expect((await scene.arrived()).filter((body) => body.startsWith('at once')).sort()).toEqual([...bodies].sort());
    });

    it('keeps every character', async () => {
      const body = '喜鹊 🐦 <b>&amp;</b> "q" \\ end';
      expect(await send(scene.accepting, body)).toMatchObject({ kind: 'delivered' });
      expect(await scene.arrived()).toContain(body);
    });

    it('says why an attempt may be repeated', async () => {
      const outcome = await send(scene.refusing);
      expect(outcome).toMatchObject({ kind: 'retryable' });
      expect(outcome).toHaveProperty('reason', expect.stringMatching(/\S/));
    });

    it('works on after refusals', async () => {
      await Promise.all(Array.from({ length: 20 }, () => send(scene.refusing)));
      expect(await send(scene.accepting, 'after refusals')).toMatchObject({ kind: 'delivered' });
    });

    it('says when nothing will ever be taken', async () => {
      if (scene.rejecting === undefined) return;
      expect(await send(scene.rejecting)).toMatchObject({ kind: expect.stringMatching(/^(permanent|gone)$/), reason: expect.stringMatching(/\S/) });
    });

    it('ends within its time limit', async () => {
      if (scene.silent === undefined) return;
      const before = Date.now();
      expect(await send(scene.silent)).toMatchObject({ kind: 'retryable' });
      expect(Date.now() - before).toBeLessThan(scene.channel.timeLimit + 500);
    });

    it('rejects at once with the reason of the signal, and makes no attempt when it has fired before', async () => {
      const fired = AbortSignal.abort(new Error('stop'));
      await expect(send(scene.accepting, 'never sent', fired)).rejects.toThrow('stop');
      expect(await scene.arrived()).not.toContain('never sent');
      if (scene.silent === undefined) return;
      const stop = new AbortController();
      const sending = send(scene.silent, 'cut short', stop.signal);
      setImmediate(() => stop.abort(new Error('stop')));
      const before = Date.now();
      await expect(sending).rejects.toThrow('stop');
      expect(Date.now() - before).toBeLessThan(scene.channel.timeLimit / 2);
    });
  });
}
