/** Documents as the Node SDKs make objects of them: every value a text, by its name on the wire. */

/** The value deep in an answer; undefined when there is none. */
export function at(answer: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Record<string | number, unknown> | undefined)?.[name], answer);
}

export function textAt(answer: unknown, ...path: readonly (string | number)[]): string {
  const value = at(answer, ...path);
  if (typeof value !== 'string') throw new Error(`no text at ${path.join('.')} of ${JSON.stringify(answer)}`);
  return value;
}

export function idAndDigest(entry: unknown): { messageId: string; bodyMd5: string } {
  return { messageId: textAt(entry, 'MessageId'), bodyMd5: textAt(entry, 'MessageBodyMD5') };
}

/** A message of a receive, or of a peek, which has no handle. */
export function receivedFrom(entry: unknown): object {
  const handle = at(entry, 'ReceiptHandle');
  return {
    ...idAndDigest(entry),
    body: textAt(entry, 'MessageBody'),
    enqueueTime: Number(textAt(entry, 'EnqueueTime')),
    firstDequeueTime: Number(textAt(entry, 'FirstDequeueTime')),
    dequeueCount: Number(textAt(entry, 'DequeueCount')),
    priority: Number(textAt(entry, 'Priority')),
    ...(handle !== undefined && { receiptHandle: handle, nextVisibleTime: Number(textAt(entry, 'NextVisibleTime')) }),
  };
}
