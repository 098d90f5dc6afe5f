import type { MnsCredentials } from './mns-client.js';

export interface ManagementResponse {
  readonly status: number;
  readonly type: string | null;
  /** Undefined when the answer has no body. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into whatever was answered
  readonly json: any;
}

/** Speaks to the management interface with an access key as user name and password. */
export class ManagementClient {
  constructor(
    readonly url: string,
    readonly credentials: MnsCredentials,
  ) {}

  /** @param body sent as JSON, a string as it is. */
  async call(method: string, path: string, body?: unknown): Promise<ManagementResponse> {
    const { accessKeyId, accessKeySecret } = this.credentials;
    const response = await fetch(`${this.url}/api/v1/${path}`, {
      method,
      headers: { authorization: `Basic ${Buffer.from(`${accessKeyId}:${accessKeySecret}`).toString('base64')}` },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, type: response.headers.get('content-type'), json: text === '' ? undefined : JSON.parse(text) };
  }
}
