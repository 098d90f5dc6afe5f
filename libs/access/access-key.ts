import { randomInt } from 'node:crypto';
import { InvalidArgument } from '#runtime/invalid-argument.js';

/** What a client signs its requests with. */
export interface AccessKey {
  readonly id: string;
  readonly secret: string;
  /** The id of the account that the key belongs to: 16 decimal digits, the first label of the account's host name. */
  readonly account: string;
  /** False when the key or its account is disabled: such a key lets nobody in. */
  readonly enabled: boolean;
  /** Whether the key belongs to the first account, which manages accounts and access keys. */
  readonly managesAccounts: boolean;
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

/** 16 digits, the first of them not 0. */
export function newAccountId(): string {
  return `${randomInt(1, 10)}${randomText('0123456789', 15)}`;
}

export function newAccessKeyId(): string {
  return `MGP${randomText(LETTERS, 21)}`;
}

/** 238 bits. */
export function newAccessKeySecret(): string {
  return randomText(LETTERS, 40);
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function randomText(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}
