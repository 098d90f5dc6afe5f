/** Why a request is not let in. The wire turns each class into one MNS error code. */
export abstract class AccessError extends Error {}

/** No such access key, or one that is disabled. Clients decide by the class; the text is for whoever looks for the reason. */
export class InvalidAccessKeyId extends AccessError {
  override readonly name = 'InvalidAccessKeyId';

  constructor(
    readonly accessKeyId: string,
    reason: 'unknown' | 'disabled' = 'unknown',
  ) {
    super(reason === 'unknown' ? 'The access Id you provided is not exist.' : 'The access Id you provided is disabled.');
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

/** Why accounts and access keys are not changed as somebody who may do so asked. */
export abstract class AccountManagementError extends Error {}

export class AccountNotExist extends AccountManagementError {
  override readonly name = 'AccountNotExist';

  constructor(readonly accountId: string) {
    super(`There is no account ${accountId}.`);
  }
}

export class AccessKeyNotExist extends AccountManagementError {
  override readonly name = 'AccessKeyNotExist';

  constructor(readonly accessKeyId: string) {
    super(`There is no access key ${accessKeyId}.`);
  }
}

/** Whoever deletes an account deletes what it owns first: nothing goes unseen. */
export class AccountNotEmpty extends AccountManagementError {
  override readonly name = 'AccountNotEmpty';

  constructor(accountId: string, what: string) {
    super(`The account ${accountId} still has ${what}: delete them first.`);
  }
}

/** The first account manages the others, so it stays, enabled. */
export class FirstAccountNeeded extends AccountManagementError {
  override readonly name = 'FirstAccountNeeded';

  constructor() {
    super('The first account manages the others: it cannot be disabled or deleted.');
  }
}

/** Without it nobody could manage accounts any more. */
export class LastAccessKey extends AccountManagementError {
  override readonly name = 'LastAccessKey';

  constructor(accessKeyId: string) {
    super(`${accessKeyId} is the last enabled access key of the first account: create another one first.`);
  }
}

/** The next start would undo the change. */
export class AccessKeyFromSettings extends AccountManagementError {
  override readonly name = 'AccessKeyFromSettings';

  constructor(accessKeyId: string) {
    super(`${accessKeyId} comes from the settings or credentials.json and would be back at the next start: disable it, or change it there.`);
  }
}
