import { describe, expect, it } from '@jest/globals';
import { readListing, UnreadableListing } from './listing-xml.js';

const TIME = '2026-11-22T14:51:41.762Z';

describe('readListing', () => {
  it('reads objects as MinIO lists them, whose encoding stands behind them', () => {
    const xml = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>photos</Name><Prefix></Prefix><NextContinuationToken>YSti&amp;</NextContinuationToken><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated><Contents><Key>a+b%2Bc/%01%0A%E4%B8%AD</Key><LastModified>${TIME}</LastModified><ETag>&#34;5d41-2&#34;</ETag><Size>5497558138880</Size><Owner><ID>x</ID><DisplayName>Key</DisplayName></Owner><StorageClass>STANDARD</StorageClass></Contents><Contents><Key>z</Key><LastModified>2026-11-22T14:51:41Z</LastModified><ETag>&quot;aa&quot;</ETag><Size>0</Size></Contents><EncodingType>url</EncodingType></ListBucketResult>`;
    expect(readListing(xml)).toEqual({
      isTruncated: true,
      continuationToken: 'YSti&',
      entries: [
        { kind: 'object', key: 'a b+c/\u0001\n中', lastModified: Date.parse(TIME), eTag: '5d41-2', size: 5_497_558_138_880 },
        { kind: 'object', key: 'z', lastModified: Date.parse('2026-11-22T14:51:41Z'), eTag: 'aa', size: 0 },
      ],
    });
  });

  it('reads versions and delete markers in their order', () => {
    const xml = `<ListVersionsResult><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType><NextKeyMarker>a%26b</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>
      <DeleteMarker><Key>a%26b</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest><LastModified>${TIME}</LastModified></DeleteMarker>
      <Version><Key>a%26b</Key><VersionId>v1</VersionId><IsLatest>false</IsLatest><LastModified>${TIME}</LastModified><ETag>"aa"</ETag><Size>7</Size></Version></ListVersionsResult>`;
    expect(readListing(xml)).toEqual({
      isTruncated: true,
      nextKey: 'a&b',
      nextVersion: 'v1',
      entries: [
        { kind: 'marker', key: 'a&b', versionId: 'v2', lastModified: Date.parse(TIME), eTag: '', size: 0 },
        { kind: 'object', key: 'a&b', versionId: 'v1', lastModified: Date.parse(TIME), eTag: 'aa', size: 7 },
      ],
    });
  });

  it('reads keys as they are from stores that do not encode them', () => {
    const xml = `<ListBucketResult><Contents><Key>a+b &lt;&amp;&gt; %20 &#x1F600;</Key><LastModified>${TIME}</LastModified></Contents></ListBucketResult>`;
    expect(readListing(xml).entries[0]!.key).toBe('a+b <&> %20 😀');
  });

  it('reads an empty bucket', () => {
    expect(readListing('<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>')).toEqual({ isTruncated: false, entries: [] });
  });

  it.each(['', '<html><body>Welcome</body></html>', '<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>'])('refuses %j', (text) => {
    expect(() => readListing(text)).toThrow(UnreadableListing);
  });
});
