/** There is no event source of that name in the account. */
export class EventSourceNotExist extends Error {
  override readonly name = 'EventSourceNotExist';

  constructor(source: string) {
    super(`There is no event source ${source}.`);
  }
}

/** The name is part of an intake's path, so no two accounts can have it. */
export class EventSourceNameTaken extends Error {
  override readonly name = 'EventSourceNameTaken';

  constructor(source: string) {
    super(`The name ${source} is taken by another account: choose another one.`);
  }
}

/** Two changes of one source came at the same time, again and again. */
export class EventSourceBusy extends Error {
  override readonly name = 'EventSourceBusy';

  constructor(source: string) {
    super(`The event source ${source} is being changed by others: please try again.`);
  }
}
