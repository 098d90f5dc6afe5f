import type { Deployment } from './deployment.js';
import type { RedisClient } from './redis-client.js';

export interface Page {
  readonly prefix?: string | undefined;
  /** As answered with the page before. */
  readonly marker?: string | undefined;
  /** 1 to 1,000, the default. */
  readonly limit?: number | undefined;
}

export interface NamePage {
  /** In ascending order of their bytes. */
  readonly names: string[];
  /** Absent on the last page. */
  readonly nextMarker?: string;
}

/**
 * One page of an account's names, merged from the name index of every partition in one round trip. The marker is the last name
 * shown, so a page is right whatever was created or deleted meanwhile.
 */
export async function listNames(
  client: RedisClient,
  deployment: Deployment,
  index: 'queue-names' | 'topic-names',
  account: string,
  { prefix = '', marker, limit = 1_000 }: Page,
): Promise<NamePage> {
  const after = marker === undefined ? undefined : Buffer.from(marker, 'base64url').toString('utf8');
  const start = `${account}/${prefix}`;
  const from = after !== undefined && after >= prefix ? `(${account}/${after}` : `[${start}`;
  const ranges = await Promise.all(
    Array.from({ length: deployment.partitions }, (_, partition) =>
      client.zrangebylex(`${deployment.base(partition)}:${index}`, from, `[${start}\xff`, 'LIMIT', 0, limit + 1),
    ),
  );
  const names = ranges
    .flat()
    .map((field) => field.slice(account.length + 1))
    .sort();
  if (names.length <= limit) return { names };
  const page = names.slice(0, limit);
  return { names: page, nextMarker: Buffer.from(page.at(-1)!).toString('base64url') };
}
