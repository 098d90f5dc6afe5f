/** Why an object store could not be used as it is set. The messages are for the operator and repeat no secret. */
export abstract class StoreError extends Error {}

/** Nobody answers, or not in time, or TLS cannot be agreed on. */
export class StoreUnreachable extends StoreError {
  override readonly name = 'StoreUnreachable';

  constructor(endpoint: string, reason: string) {
    super(`The store at ${endpoint} cannot be reached: ${reason}.`);
  }
}

/** The store knows no such access key, or the secret key is not the right one. */
export class StoreCredentialsWrong extends StoreError {
  override readonly name = 'StoreCredentialsWrong';

  constructor(code: string) {
    super(`The store refuses the credentials of the source (${code}): set credentials.accessKey and credentials.secretKey anew.`);
  }
}

export class StoreAccessDenied extends StoreError {
  override readonly name = 'StoreAccessDenied';

  constructor(action: string) {
    super(`The access key of the source may not do this: it needs ${action}.`);
  }
}

/** Something answers, and it does not speak S3. */
export class NotAnObjectStore extends StoreError {
  override readonly name = 'NotAnObjectStore';

  constructor(endpoint: string, status: number) {
    super(`What answers at ${endpoint} is no S3 store (status ${status}, no S3 document): the endpoint may be a console, a proxy or another service.`);
  }
}

export class BucketNotExist extends StoreError {
  override readonly name = 'BucketNotExist';

  constructor(readonly bucket: string) {
    super(`There is no bucket ${bucket} in the store: create it, or ask for it with createBuckets.`);
  }
}

/** Anything else that the store says. */
export class StoreRefused extends StoreError {
  override readonly name = 'StoreRefused';

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(`The store answers ${status} ${code}: ${message}`);
  }
}

/** The source has no address to speak to, or no credentials. */
export class StoreNotSet extends StoreError {
  override readonly name = 'StoreNotSet';

  constructor(source: string) {
    super(`The event source ${source} has no endpoint and credentials: the hub cannot speak to its store.`);
  }
}
