import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { RedisClient } from './redis-client.js';

/** Stored by this release; a process that finds a higher number refuses to start. */
export const SCHEMA = 1;

const DEFAULT_PARTITIONS = 64;

/**
 * What all processes of one deployment agree on, kept in the hash `<prefix>:meta`.
 *
 * A partition is the unit of atomicity: its keys share one hash tag, hence one slot of a cluster. The number of partitions is
 * fixed when the deployment first starts, because names are assigned to partitions by hash.
 */
export class Deployment {
  private constructor(
    readonly prefix: string,
    readonly partitions: number,
    /** Key of the MAC in receipt handles. */
    readonly handleSecret: Buffer,
  ) {}

  /** Reads the deployment's facts; the first process ever to start writes them. */
  static async open(client: RedisClient, prefix: string): Promise<Deployment> {
    const key = `${prefix}:meta`;
    await client.hsetnx(key, 'partitions', DEFAULT_PARTITIONS);
    await client.hsetnx(key, 'schema', SCHEMA);
    await client.hsetnx(key, 'handleSecret', randomBytes(32).toString('base64'));
    const [partitions, schema, secret] = await client.hmget(key, 'partitions', 'schema', 'handleSecret');
    if (Number(schema) > SCHEMA) {
      throw new Error(`the data in Redis has schema ${schema}, this release reads up to ${SCHEMA}: start the newer release`);
    }
    return new Deployment(prefix, Number(partitions), Buffer.from(secret ?? '', 'base64'));
  }

  /** The partition of a queue, topic or other named thing of an account. */
  partitionOf(account: string, name: string): number {
    return crc32(`${account}/${name}`) % this.partitions;
  }

  /** First part of every key of a partition; what is in braces decides the slot. */
  base(partition: number): string {
    return `${this.prefix}:{p:${partition}}`;
  }
}
