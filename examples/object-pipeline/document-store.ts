import { buffer } from 'node:stream/consumers';
import type { Client } from 'minio';

/** Bytes. What is larger is no document that somebody wrote. */
const LARGEST = 1_048_576;

const INDEX = 'words.json';

/** Where documents are read and the index is kept: two buckets of a store that speaks S3. */
export class DocumentStore {
  /** @param indexBucket another one than that of the documents, and without notifications: writing the index must not start the consumer */
  constructor(
    private readonly client: Client,
    private readonly indexBucket: string,
  ) {}

  /** The text as it is now; undefined when the object is gone. @throws Error when it is too large or no text in UTF-8 */
  async readDocument(bucket: string, key: string): Promise<string | undefined> {
    const content = await this.#read(bucket, key);
    return content === undefined ? undefined : new TextDecoder('utf-8', { fatal: true }).decode(content);
  }

  /** Undefined: there is none yet. */
  async readIndex(): Promise<string | undefined> {
    return (await this.#read(this.indexBucket, INDEX, Infinity))?.toString('utf8');
  }

  /** As a whole: whoever reads sees the old index or the new one, nothing in between. */
  async writeIndex(json: string): Promise<void> {
    await this.client.putObject(this.indexBucket, INDEX, json, undefined, { 'Content-Type': 'application/json' });
  }

  async #read(bucket: string, key: string, largest = LARGEST): Promise<Buffer | undefined> {
    try {
      const { size } = await this.client.statObject(bucket, key);
      if (size > largest) throw new Error(`it has ${size} bytes, more than ${largest}`);
      return await buffer(await this.client.getObject(bucket, key));
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === 'NotFound' || code === 'NoSuchKey') return undefined;
      throw error;
    }
  }
}
