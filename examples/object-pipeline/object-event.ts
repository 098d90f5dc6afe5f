/** What the consumer uses of an OSS event (docs/event-rules.md has all of it). */
export interface ObjectEvent {
  /** As in `ObjectCreated:PutObject`. */
  readonly name: string;
  readonly bucket: string;
  readonly key: string;
  /** RFC 3339 with milliseconds, UTC: compares as text. */
  readonly time: string;
}

/** @param body base64 of the JSON, as it comes out of the queue @throws Error when it is something else */
export function readObjectEvent(body: string): ObjectEvent {
  const { events } = JSON.parse(Buffer.from(body, 'base64').toString('utf8')) as { events?: readonly OssEvent[] };
  const event = events?.[0];
  const { bucket, object } = event?.oss ?? {};
  if (event?.eventName === undefined || event.eventTime === undefined || bucket?.name === undefined || object?.key === undefined) {
    throw new Error('the message is no OSS event');
  }
  return { name: event.eventName, bucket: bucket.name, key: object.key, time: event.eventTime };
}

interface OssEvent {
  readonly eventName?: string;
  readonly eventTime?: string;
  readonly oss?: { readonly bucket?: { readonly name?: string }; readonly object?: { readonly key?: string } };
}
