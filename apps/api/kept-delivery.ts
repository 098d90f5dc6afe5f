import { ConflictException } from '@nestjs/common';
import type { Subscription } from '#topic/subscription.js';

/** @throws ConflictException for a subscription whose messages are gone once they are delivered */
export function refuseUnlessKept({ name, options }: Subscription): void {
  if ((options?.keepDelivered ?? 0) > 0) return;
  throw new ConflictException(`${name} does not keep what was delivered: its option keepDelivered is not set.`);
}
