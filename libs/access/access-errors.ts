/** Why a request is not let in. The wire turns each class into one MNS error code. */
export abstract class AccessError extends Error {}

/** No such access key, or one that is disabled: the caller is not told which. */
export class InvalidAccessKeyId extends AccessError {
  override readonly name = 'InvalidAccessKeyId';

  constructor(readonly accessKeyId: string) {
    super('The access Id you provided is not exist.');
  }
}

export class SignatureDoesNotMatch extends AccessError {
  override readonly name = 'SignatureDoesNotMatch';

  /** @param stringToSign what this side signed; it holds no secret, and comparing it with the client's own shows the difference at once. */
  constructor(stringToSign?: string) {
    const comparison = stringToSign === undefined ? '' : ` The string to sign is ${JSON.stringify(stringToSign)}.`;
    super(`The request signature we calculated does not match the signature you provided. Check your key and signing method.${comparison}`);
  }
}

/** The key is good and its account may not do this here. */
export class AccessDenied extends AccessError {
  override readonly name = 'AccessDenied';

  constructor(readonly operation: string) {
    super('The OwnerId that your Access Key Id associated to is forbidden for this operation.');
  }
}
