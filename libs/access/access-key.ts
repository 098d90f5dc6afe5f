import { InvalidArgument } from '#runtime/invalid-argument.js';

/** Whoever owns queues and topics. */
export interface Account {
  /** 16 decimal digits; the first label of the account's host name. */
  readonly id: string;
}

/** What a client signs its requests with. */
export interface AccessKey {
  readonly id: string;
  readonly secret: string;
  /** The id of the account that the key belongs to. */
  readonly account: string;
  /** A disabled key is refused like one that does not exist. */
  readonly enabled: boolean;
}

/** Longest id and secret of an access key, in characters. */
const LENGTH_LIMIT = 128;

/** An id stands between `MNS ` and `:` in a header, and in file names and URLs of tools. */
const ACCESS_KEY_ID = /^[A-Za-z0-9_.-]+$/;

/** @throws InvalidArgument */
export function checkAccountId(id: string): void {
  if (!/^\d{16}$/.test(id)) throw new InvalidArgument('AccountId', 'The account id should have 16 digits.');
}

export function isAccessKeyId(id: string): boolean {
  return id.length <= LENGTH_LIMIT && ACCESS_KEY_ID.test(id);
}

/** @throws InvalidArgument */
export function checkAccessKey(id: string, secret: string): void {
  if (!isAccessKeyId(id)) {
    const allowed = `1 to ${LENGTH_LIMIT} letters, digits, dots, hyphens and underscores`;
    throw new InvalidArgument('AccessKeyId', `The access key id should have ${allowed}.`);
  }
  if (secret.length === 0 || secret.length > LENGTH_LIMIT) {
    throw new InvalidArgument('AccessKeySecret', `The access key secret should have 1 to ${LENGTH_LIMIT} characters.`);
  }
}
