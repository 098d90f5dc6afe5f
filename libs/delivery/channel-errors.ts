/** There is no channel of that name in the account. */
export class ChannelNotExist extends Error {
  override readonly name = 'ChannelNotExist';

  constructor(channel: string) {
    super(`There is no channel ${channel}.`);
  }
}

/** Two changes of one channel came at the same time, again and again. */
export class ChannelBusy extends Error {
  override readonly name = 'ChannelBusy';

  constructor(channel: string) {
    super(`The channel ${channel} is being changed by others: please try again.`);
  }
}
