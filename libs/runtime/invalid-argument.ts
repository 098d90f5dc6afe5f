/** A value that a caller sent and the domain does not accept. The message names the argument and what is allowed. */
export class InvalidArgument extends Error {
  override readonly name = 'InvalidArgument';

  constructor(
    readonly argument: string,
    message: string,
  ) {
    super(message);
  }

  static outOfRange(argument: string, low: number, high: number, unit: string): InvalidArgument {
    return new InvalidArgument(argument, `The value of ${argument} should between ${low} and ${high} ${unit}.`);
  }
}
