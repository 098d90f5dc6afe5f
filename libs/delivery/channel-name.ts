const NAME = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/;

export function isChannelName(name: string): boolean {
  return NAME.test(name);
}
