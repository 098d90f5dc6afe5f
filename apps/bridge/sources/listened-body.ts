/**
 * The body that a webhook would have brought, for a record of the listen stream; undefined for events of a bucket as a whole.
 *
 * MinIO encodes keys in webhooks and leaves them as they are in the stream, and nothing in a record tells which of the two it is:
 * `a+b` is either that or `a b`. The envelope of a webhook has the plain key beside the encoded one, so a record of MinIO gets such an
 * envelope here. From then on it cannot be read wrongly, wherever it is stored. RustFS encodes keys in the stream, too.
 */
export function listenedBody(record: object): Buffer | undefined {
  const { eventName, eventSource, s3 } = record as { eventName?: unknown; eventSource?: unknown; s3?: { bucket?: { name?: unknown }; object?: { key?: unknown } } };
  if (typeof eventName === 'string' && /^s3:Bucket(Created|Removed):/.test(eventName)) return undefined;
  const bucket = s3?.bucket?.name;
  const key = s3?.object?.key;
  const raw = eventSource === 'minio:s3' && typeof bucket === 'string' && typeof key === 'string';
  return Buffer.from(JSON.stringify({ ...(raw && { EventName: eventName, Key: `${bucket}/${key}` }), Records: [record] }));
}
