/** Which attempt a receipt of a provider speaks of. All of it stands in the URL that the provider calls and signs. */
export interface ReceiptSubject {
  /** Of the topic's owner, whose channel it was. */
  readonly account: string;
  /** Absent: the operator's own. */
  readonly channel?: string;
  readonly topicName: string;
  readonly subscriptionName: string;
  readonly pendingQueueId: string;
  readonly messageId: string;
  /** Of the attempt: 1 for the first. */
  readonly number: number;
}

/** In the place of a channel's name, which it cannot be. */
export const OPERATORS_CHANNEL = '-';

/** Path and query, below the API's public URL, to which Twilio reports the status of an SMS. */
export function smsReceiptPath({ account, channel = OPERATORS_CHANNEL, topicName, subscriptionName, ...attempt }: ReceiptSubject): string {
  const names = new URLSearchParams({ topic: topicName, subscription: subscriptionName });
  const { messageId, pendingQueueId, number } = attempt;
  return `/callbacks/twilio/${account}/${channel}/${messageId}/${pendingQueueId}/${number}?${names.toString()}`;
}

/** What Twilio says has become of an SMS; statuses on the way there (queued, sending, sent …) are no news. */
export function readMessageStatus(status: string): 'confirmed' | 'undelivered' | undefined {
  if (status === 'delivered' || status === 'read') return 'confirmed';
  return status === 'undelivered' || status === 'failed' ? 'undelivered' : undefined;
}
