import { isDeepStrictEqual } from 'node:util';
import type { SecretBox } from '#access/secret-box.js';
import { changeDeliveryOptions, type DeliveryOptions } from '#delivery/delivery-options.js';
import { sealContext, type Seal, type Sealed } from '#delivery/http-options.js';

/** What a file says of the options of a subscription: values as the management interface takes them, null resets one. */
export type GivenOptions = Readonly<Record<string, unknown>>;

export interface SubscriptionName {
  readonly account: string;
  readonly topic: string;
  readonly name: string;
}

/** For those who only look whether options can be: nothing that was sealed so may be stored. */
export const sealForCheck: Seal = () => '';

/**
 * Seals the secrets of a subscription; one that it has already stays as it is sealed now, so that a file which says what is there
 * changes nothing.
 */
export function sealKeepingPresent(box: SecretBox, { account, topic, name }: SubscriptionName, present: DeliveryOptions = {}): Seal {
  const sealed = sealedIn(present);
  return (secret, purpose) => {
    const context = sealContext(account, topic, name, purpose);
    return sealed.find((known) => opensTo(box, known, context, secret)) ?? box.seal(secret, context);
  };
}

/** Whether options would not be as the file says. @throws InvalidArgument */
export function hasOtherOptions(present: DeliveryOptions = {}, given: GivenOptions, seal: Seal): boolean {
  return !isDeepStrictEqual(changeDeliveryOptions(present, given, seal), { ...present });
}

function sealedIn({ headers = {}, signingSecrets = [], clientCertificate }: DeliveryOptions): string[] {
  const secrets = [...Object.values(headers), ...signingSecrets, ...(clientCertificate === undefined ? [] : [clientCertificate.key])];
  return secrets.filter((secret): secret is Sealed => typeof secret === 'object').map(({ sealed }) => sealed);
}

/** What was sealed for another purpose, or under another key, opens to nothing. */
function opensTo(box: SecretBox, sealed: string, context: string, secret: string): boolean {
  try {
    return box.open(sealed, context) === secret;
  } catch {
    return false;
  }
}
