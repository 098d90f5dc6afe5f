/** Limits of queues and messages, as the MNS documentation gives them. Seconds, bytes and counts; both ends are allowed. */
export const LIMITS = {
  nameLength: [1, 120],
  delaySeconds: [0, 604_800],
  maximumMessageSize: [1_024, 65_536],
  /** Today's documentation ends at 7 days; older clients were allowed 15, so 15 days are accepted. */
  messageRetentionPeriod: [60, 1_296_000],
  visibilityTimeout: [1, 43_200],
  pollingWaitSeconds: [0, 30],
  priority: [1, 16],
  batch: [1, 16],
  maxReceiveCount: [1, 1_000],
  userProperties: [0, 50],
  propertyNameLength: [1, 256],
  propertyValueLength: [0, 4_096],
  messageGroupIdLength: [1, 128],
  listPage: [1, 1_000],
  redrivePerSecond: [1, 1_000],
} as const satisfies Record<string, readonly [low: number, high: number]>;

/** All messages of one batch together, bytes of bodies and properties. */
export const BATCH_SIZE_LIMIT = 65_536;

export const DEFAULT_PRIORITY = 8;
