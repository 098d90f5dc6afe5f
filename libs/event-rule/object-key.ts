import type { StoreDialect } from './bucket-event.js';

/** How a source writes keys into its records; `auto` goes by the dialect. */
export type KeyEncoding = 'auto' | 'raw' | 'query';

export interface DecodedKey {
  readonly key: string;
  /** The key was taken for form-encoded and turned out not to be: it stays as it came. */
  readonly fallback: boolean;
}

/** What Go's encoder leaves as it is. Anything else in a key of MinIO or RustFS proves that it was not encoded. */
const GO_ENCODED = /^[A-Za-z0-9\-_.~%+]*$/;
/** Other encoders leave the slash and some punctuation, but never a blank or what is not ASCII. */
const ENCODED = /^[\x21-\x7e]*$/;

/**
 * The name of the object from the `key` of a record. Form encoding (blank → `+`, `%xx`) is undone for stores that use it,
 * unless the text cannot be the result of encoding anything.
 */
export function decodeKey(text: string, dialect: StoreDialect, encoding: KeyEncoding): DecodedKey {
  if (encoding === 'raw' || (encoding === 'auto' && (dialect === 'ceph' || dialect === 'versity'))) {
    return { key: text, fallback: false };
  }
  const encoded = dialect === 'minio' || dialect === 'rustfs' ? GO_ENCODED : ENCODED;
  if (!encoded.test(text)) return { key: text, fallback: true };
  try {
    return { key: decodeURIComponent(text.replaceAll('+', ' ')), fallback: false };
  } catch {
    return { key: text, fallback: true };
  }
}
