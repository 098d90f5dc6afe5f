/** An object, a version of it, or a delete marker, as a listing shows it. */
export interface ListedEntry {
  readonly kind: 'object' | 'marker';
  readonly key: string;
  /** Only in listings of versions. */
  readonly versionId?: string;
  /** Milliseconds since the epoch. */
  readonly lastModified: number;
  /** Without quotes. */
  readonly eTag: string;
  readonly size: number;
}

export interface ListingDocument {
  readonly entries: readonly ListedEntry[];
  readonly isTruncated: boolean;
  readonly continuationToken?: string;
  readonly nextKey?: string;
  readonly nextVersion?: string;
}

/** A document that is not the listing that was asked for. */
export class UnreadableListing extends Error {
  override readonly name = 'UnreadableListing';
}

/** Opening tags with the text behind them: all that a listing's flat records consist of. Closing tags, comments and the declaration do not match. */
const ELEMENT = /<([A-Za-z0-9]+)(?:\s[^>]*)?>([^<]*)/g;

/**
 * Reads the answer to ListObjectsV2 or ListObjectVersions. A reader for just these: a listing of a large bucket is hundreds of
 * megabytes of XML, and what a general parser does with it takes longer than the store needs to write it.
 */
export function readListing(xml: string): ListingDocument {
  if (!/<List(Bucket|Versions)Result[\s>]/.test(xml.slice(0, 1_024))) throw new UnreadableListing('not a listing');
  // Stores name the encoding before the entries or behind them.
  const encoded = xml.includes('<EncodingType>url</EncodingType>');
  const entries: ListedEntry[] = [];
  const head = new Map<string, string>();
  let kind: ListedEntry['kind'] | undefined;
  let fields: Fields = {};
  const finish = (): void => {
    if (kind !== undefined) entries.push(toEntry(kind, fields, encoded));
  };
  for (const [, name = '', text = ''] of xml.matchAll(ELEMENT)) {
    switch (name) {
      case 'Contents':
      case 'Version':
      case 'DeleteMarker':
        finish();
        kind = name === 'DeleteMarker' ? 'marker' : 'object';
        fields = {};
        break;
      case 'Key':
      case 'VersionId':
      case 'LastModified':
      case 'ETag':
      case 'Size':
        fields[name] = text;
        break;
      case 'IsTruncated':
      case 'NextContinuationToken':
      case 'NextKeyMarker':
      case 'NextVersionIdMarker':
        head.set(name, text);
        break;
      default:
    }
  }
  finish();
  return { entries, ...readHead(head, encoded) };
}

interface Fields {
  Key?: string;
  VersionId?: string;
  LastModified?: string;
  ETag?: string;
  Size?: string;
}

function toEntry(kind: ListedEntry['kind'], { Key, VersionId, LastModified, ETag, Size }: Fields, encoded: boolean): ListedEntry {
  const lastModified = Date.parse(LastModified ?? '');
  if (Key === undefined || Number.isNaN(lastModified)) throw new UnreadableListing('an entry without key or time');
  return {
    kind,
    key: decodeName(Key, encoded),
    ...(VersionId !== undefined && { versionId: unescapeXml(VersionId) }),
    lastModified,
    eTag: unescapeXml(ETag ?? '').replaceAll('"', ''),
    size: Number(Size ?? 0) || 0,
  };
}

function readHead(head: ReadonlyMap<string, string>, encoded: boolean): Omit<ListingDocument, 'entries'> {
  const [token, nextKey, nextVersion] = [head.get('NextContinuationToken'), head.get('NextKeyMarker'), head.get('NextVersionIdMarker')];
  return {
    isTruncated: head.get('IsTruncated') === 'true',
    ...(token && { continuationToken: unescapeXml(token) }),
    ...(nextKey && { nextKey: decodeName(nextKey, encoded) }),
    ...(nextVersion && { nextVersion: unescapeXml(nextVersion) }),
  };
}

/** `encoding-type=url` is form encoding: XML 1.0 cannot express control characters, which keys may have. */
function decodeName(text: string, encoded: boolean): string {
  const plain = unescapeXml(text);
  if (!encoded) return plain;
  try {
    return decodeURIComponent(plain.replaceAll('+', ' '));
  } catch {
    return plain;
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(?:#x([0-9A-Fa-f]{1,6})|#(\d{1,7})|([a-z]+));/g, (whole, hexadecimal?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const code = hexadecimal === undefined ? Number(decimal) : Number.parseInt(hexadecimal, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
