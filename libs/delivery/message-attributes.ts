/** Members of one of a message's attributes; undefined when it has none of that name, or one that is no JSON object. */
export function readAttribute(
  attributes: Readonly<Record<string, string>> | undefined,
  name: string,
): Readonly<Record<string, unknown>> | undefined {
  const text = attributes?.[name];
  return text === undefined ? undefined : readObject(text);
}

export function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** A text that is not empty; numbers count as text. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** SDKs send flags as 0 and 1, as text or number, or as true and false. */
export function isTrue(value: unknown): boolean {
  return value === true || String(value) === '1' || String(value).toLowerCase() === 'true';
}
