import type { SecretBox } from '#access/secret-box.js';
import { headerPurpose, sealContext, SIGNING_PURPOSE, type Sealed } from '#delivery/http-options.js';
import type { HeaderLine } from '#delivery/push-signature.js';
import { webhookKey } from '#delivery/webhook-signature.js';
import type { Hmac } from '#runtime/hmac.js';
import type { Subscription } from '#topic/subscription.js';

/** Secrets that are kept open; the oldest one makes room. */
const LIMIT = 10_000;

/** The secrets of subscriptions, each decrypted once. What was sealed for one subscription opens for no other. */
export class PushSecrets {
  readonly #opened = new Map<string, string>();
  readonly #keys = new Map<string, Hmac>();

  constructor(private readonly box: Pick<SecretBox, 'open'>) {}

  /** @throws SecretUnreadable */
  open({ topicOwner, topicName, name }: Subscription, purpose: string, { sealed }: Sealed): string {
    const context = sealContext(topicOwner, topicName, name, purpose);
    return remember(this.#opened, `${context} ${sealed}`, () => this.box.open(sealed, context));
  }

  /** The newest first. @throws SecretUnreadable */
  signingKeys(subscription: Subscription): Hmac[] {
    const { signingSecrets = [] } = subscription.options ?? {};
    return signingSecrets.map((secret) => {
      const { topicOwner, topicName, name } = subscription;
      const key = `${topicOwner}/${topicName}/${name} ${secret.sealed}`;
      return remember(this.#keys, key, () => webhookKey(this.open(subscription, SIGNING_PURPOSE, secret)));
    });
  }

  /** The headers that the subscription asks for. @throws SecretUnreadable */
  headers(subscription: Subscription): HeaderLine[] {
    return Object.entries(subscription.options?.headers ?? {}).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : this.open(subscription, headerPurpose(name), value),
    ]);
  }
}

function remember<T>(map: Map<string, T>, key: string, make: () => T): T {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    if (map.size >= LIMIT) map.delete(map.keys().next().value!);
    map.set(key, value);
  }
  return value;
}
