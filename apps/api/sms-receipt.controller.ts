import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Inject, NotFoundException, Post, Req, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SignatureDoesNotMatch } from '#access/access-errors.js';
import { AttemptLog } from '#delivery/attempt-log.js';
import { ChannelStore } from '#delivery/channel-store.js';
import type { ChannelSettings } from '#delivery/channel-type.js';
import { OPERATORS_CHANNEL, readMessageStatus } from '#delivery/sms-receipt.js';
import type { ApiSettings } from './api-settings.js';
import { SETTINGS } from './injection-tokens.js';
import { bodyOf } from './request-state.js';

type ReceiptRequest = FastifyRequest<{
  Params: { readonly account: string; readonly channel: string; readonly messageId: string; readonly queue: string; readonly number: string };
}>;

/** Milliseconds for which a receipt waits for its attempt: a provider may be faster than the worker's own record. */
const WAITS = [0, 200, 500, 1_000];

/** Takes what Twilio tells of an SMS afterwards. Public: the signature of the very URL and form is what lets a caller in. */
@Controller('callbacks/twilio')
export class SmsReceiptController {
  constructor(
    private readonly channels: ChannelStore,
    private readonly attempts: AttemptLog,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
  ) {}

  @Post(':account/:channel/:messageId/:queue/:number')
  @RouteConfig({ public: true })
  async take(@Req() request: ReceiptRequest, @Res() reply: FastifyReply): Promise<void> {
    request.operation = 'SmsReceipt';
    const form = Object.fromEntries(new URLSearchParams(bodyOf(request).toString('utf8')));
    await this.authenticate(request, form);
    const { account, messageId, queue, number } = request.params;
    if (!/^\d{16}$/.test(account) || !/^[0-9A-F]{32}$/.test(messageId) || !/^\d{1,5}$/.test(number)) throw new NotFoundException();
    const outcome = readMessageStatus(form['MessageStatus'] ?? '');
    if (outcome !== undefined) {
      const code = Number(form['ErrorCode'] ?? 0);
      const reason = `${(form['To'] ?? '').slice(0, 32)}: ${form['MessageStatus'] ?? ''}`;
      const subject = { messageId, pendingQueueId: queue, topicOwner: account, number: Number(number) };
      await this.record({ ...subject, outcome, time: Date.now(), reason, ...(Number.isInteger(code) && code > 0 && { code }) });
    }
    reply.outcome = 'Success';
    await reply.status(204).send();
  }

  private async record(receipt: Parameters<AttemptLog['addReceipt']>[0]): Promise<void> {
    for (const wait of WAITS) {
      await sleep(wait);
      if ((await this.attempts.addReceipt(receipt)) !== 'unknown') return;
    }
  }

  /** @throws SignatureDoesNotMatch also when there is no such channel: nobody learns which there are */
  private async authenticate(request: ReceiptRequest, form: Readonly<Record<string, string>>): Promise<void> {
    const { account, channel } = request.params;
    const settings = await this.channelSettings(account, channel);
    const token = settings?.['authToken'];
    const base = settings?.['publicUrl'] ?? this.settings.publicUrl;
    const signature = request.headers['x-twilio-signature'];
    if (token === undefined || base === undefined || typeof signature !== 'string') throw new SignatureDoesNotMatch();
    const { default: twilio } = await import('twilio');
    if (!twilio.validateRequest(token, signature, base + (request.raw.url ?? ''), form)) throw new SignatureDoesNotMatch();
  }

  private async channelSettings(account: string, name: string): Promise<ChannelSettings | undefined> {
    if (name === OPERATORS_CHANNEL) return this.settings.channels?.sms?.settings;
    const channel = await this.channels.find(account, 'sms', name);
    return channel?.type === 'twilio' ? channel.settings : undefined;
  }
}
