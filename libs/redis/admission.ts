import type { RedisClient } from './redis-client.js';

/** Decides whether scripts that store something new may run. */
export interface Admission {
  /**
   * Called before each such script, so it must cost next to nothing.
   * @param key the script's key, which decides the node of a cluster
   * @throws RedisFull
   */
  admit(key: string): void;
  /** Redis itself has refused such a script because its memory is full. */
  refusedByRedis(key: string): void;
}

const admissions = new WeakMap<RedisClient, Admission>();

/** From now on the scripts that a client runs ask first. */
export function setAdmission(client: RedisClient, admission: Admission): void {
  admissions.set(client, admission);
}

export function admissionOf(client: RedisClient): Admission | undefined {
  return admissions.get(client);
}
