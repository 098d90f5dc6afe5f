/** Redis did not answer; whether the step was done is unknown. Callers answer 503 and the client may retry. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable';
}

/** Redis is at its memory limit or over the high-water mark; what stores new data is refused, the rest goes on. */
export class RedisFull extends Error {
  override readonly name = 'RedisFull';
}

/** Turns what the client library throws into the two cases above; anything else is a defect and stays as it is. */
export function toStorageError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (/^(-)?OOM /.test(error.message) || error.message.includes('OOM command not allowed')) return new RedisFull(error.message);
  if (UNAVAILABLE.test(error.message) || error.name === 'MaxRetriesPerRequestError') return new RedisUnavailable(error.message);
  return error;
}

const UNAVAILABLE =
  /Connection is closed|isn't writeable|enableOfflineQueue|Command timed out|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|^LOADING|^READONLY|^CLUSTERDOWN|^MASTERDOWN|^MISCONF|^TRYAGAIN|All sentinels are unreachable|Failed to refresh slots/;
