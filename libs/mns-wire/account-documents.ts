import { InvalidArgument } from '#runtime/invalid-argument.js';
import { childText } from './xml-reader.js';
import { readInteger, readOptionalRoot, withoutUnset } from './xml-values.js';
import { leaf, xmlDocument } from './xml-writer.js';

/** Settings of a whole account. */
export interface AccountAttributes {
  /** Where operation logs go; empty for nowhere. */
  readonly loggingBucket: string;
  /** 1 while messages are traced, else 0. */
  readonly traceEnabled: number;
}

/**
 * The settings that a request names; an absent or blank body names none. An empty `LoggingBucket` is a value: it switches logging off.
 *
 * @throws MalformedXml, InvalidArgument
 */
export function readAccountAttributes(body: Buffer | string | undefined): Partial<AccountAttributes> {
  const account = readOptionalRoot(body, 'Account');
  if (account === undefined) return {};
  const traceEnabled = readInteger(account, 'TraceEnabled');
  if (traceEnabled !== undefined && traceEnabled !== 0 && traceEnabled !== 1) {
    throw new InvalidArgument('TraceEnabled', 'The value of TraceEnabled should be 0 or 1.');
  }
  return withoutUnset<Partial<AccountAttributes>>({ loggingBucket: childText(account, 'LoggingBucket')?.trim(), traceEnabled });
}

export function writeAccountAttributes({ loggingBucket, traceEnabled }: AccountAttributes): string {
  return xmlDocument('Account', leaf(1, 'LoggingBucket', loggingBucket) + leaf(1, 'TraceEnabled', traceEnabled));
}

export function writeAccountId(accountId: string): string {
  return xmlDocument('Account', leaf(1, 'AccountId', accountId));
}

export function writeOpenService(orderId: string): string {
  return xmlDocument('OpenService', leaf(1, 'OrderId', orderId));
}
