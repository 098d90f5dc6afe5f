/** An account as it stands in Redis, in JSON. */
export interface AccountDocument {
  /** Absent counts as true. */
  readonly enabled?: boolean;
  readonly description?: string;
  /** Milliseconds since the epoch. */
  readonly createTime: number;
}

/** An access key as it stands in Redis, in JSON. */
export interface AccessKeyDocument {
  readonly account: string;
  /** Sealed with the access key's id as context. */
  readonly secret: string;
  readonly enabled: boolean;
  readonly description?: string;
  /** Milliseconds since the epoch. */
  readonly createTime: number;
}

/** Account and access key of the settings, as the process that started last knows them: its account is the first one. */
export interface FirstKeyDocument {
  readonly account: string;
  readonly accessKeyId: string;
}

/** Where they stand: two hashes by id, and one document. Each is changed in a step of its own, so they need no common slot. */
export interface AccessRedisKeys {
  readonly accounts: string;
  readonly accessKeys: string;
  readonly firstKey: string;
}

export function accessRedisKeys(prefix: string): AccessRedisKeys {
  return { accounts: `${prefix}:accounts`, accessKeys: `${prefix}:access-keys`, firstKey: `${prefix}:first-access-key` };
}
