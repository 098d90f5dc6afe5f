/** What the consumer uses of an OSS event (docs/event-rules.md has all of it). */
export interface ObjectEvent {
  readonly bucket: string;
  readonly key: string;
  /** RFC 3339 with milliseconds, UTC: compares as text. */
  readonly time: string;
}

/** @param body base64 of the JSON, as it comes out of the queue @throws Error when it is something else */
export function readObjectEvent(body: string): ObjectEvent {
  const { events } = JSON.parse(Buffer.from(body, 'base64').toString('utf8')) as { events?: readonly OssEvent[] };
  const { eventTime, oss: { bucket, object } = {} } = events?.[0] ?? {};
  if (eventTime === undefined || bucket?.name === undefined || object?.key === undefined) {
    throw new Error('the message is no OSS event');
  }
  return { bucket: bucket.name, key: object.key, time: eventTime };
}

interface OssEvent {
  readonly eventTime?: string;
  readonly oss?: { readonly bucket?: { readonly name?: string }; readonly object?: { readonly key?: string } };
}
