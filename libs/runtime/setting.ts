/** What the values of a setting look like: how a text is read, and the same in words for errors and documentation. */
export interface SettingKind<T> {
  readonly allowed: string;
  /** Undefined: the text is not allowed. */
  parse(text: string): T | undefined;
}

/** One setting, declared once; reading, errors and the documentation all come from the declaration. */
export interface Setting<T> {
  readonly name: string;
  readonly kind: SettingKind<T>;
  /** Written as in the environment. Absent: the setting has no value of its own, `description` says what happens then. */
  readonly default?: string;
  readonly description: string;
  /** The value is never shown, not even in an error. */
  readonly secret?: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting whose value is not allowed. The message is one line that says which, what was read and what is allowed. */
export class BadSetting extends Error {
  override readonly name = 'BadSetting';

  constructor(
    readonly setting: string,
    read: string,
    allowed: string,
  ) {
    super(`${setting} is ${read}: expected ${allowed}`);
  }
}

/**
 * The value of one setting; a blank variable counts as absent, as does what Kubernetes injects for services.
 *
 * @throws BadSetting
 */
export function readSetting<T>(setting: Setting<T>, environment: Environment): T | undefined {
  const given = environment[setting.name]?.trim();
  const absent = given === undefined || given === '' || isInjectedByKubernetes(setting.name, given);
  const text = absent ? setting.default : given;
  if (text === undefined) return undefined;
  const value = setting.kind.parse(text);
  if (value === undefined) {
    const shown = setting.secret === true ? `a text of ${text.length} characters` : JSON.stringify(text);
    throw new BadSetting(setting.name, shown, setting.kind.allowed);
  }
  return value;
}

/** Names in the environment that start with `prefix` and that no declaration knows: misspelt, or of another release. */
export function unknownSettings(prefix: string, known: Iterable<string>, environment: Environment): string[] {
  const names = new Set(known);
  return Object.entries(environment)
    .filter(([name, value]) => name.startsWith(prefix) && !names.has(name) && !isInjectedByKubernetes(name, value ?? ''))
    .map(([name]) => name)
    .sort();
}

/**
 * For a service called "magpie-api" Kubernetes gives every pod MAGPIE_API_SERVICE_HOST, MAGPIE_API_SERVICE_PORT[_<NAME>],
 * MAGPIE_API_PORT=tcp://10.0.0.7:80 and MAGPIE_API_PORT_80_TCP[_PROTO|_PORT|_ADDR].
 */
function isInjectedByKubernetes(name: string, value: string): boolean {
  return /_SERVICE_(HOST|PORT)(_\w+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name) || /^(tcp|udp|sctp):\/\//.test(value);
}

export function integer(low: number, high: number): SettingKind<number> {
  return {
    allowed: `an integer from ${low} to ${high}`,
    parse: (text) => {
      const value = Number(text);
      return /^-?\d+$/.test(text) && value >= low && value <= high ? value : undefined;
    },
  };
}

export function choice<T extends string>(...values: readonly T[]): SettingKind<T> {
  return { allowed: `one of ${values.join(', ')}`, parse: (text) => values.find((value) => value === text) };
}

/** A text of the given form; `allowed` says the form in words. */
export function text(form: RegExp, allowed: string): SettingKind<string> {
  return { allowed, parse: (given) => (form.test(given) ? given : undefined) };
}

/** A URL of one of the schemes (given without colon), without a trailing slash. */
export function url(...schemes: readonly string[]): SettingKind<string> {
  return {
    allowed: `a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    parse: (given) => {
      const scheme = URL.canParse(given) ? new URL(given).protocol.slice(0, -1) : '';
      return schemes.includes(scheme) && given.startsWith(`${scheme}://`) ? given.replace(/\/+$/, '') : undefined;
    },
  };
}

/** Exactly so many bytes, written as base64. */
export function base64Bytes(length: number): SettingKind<Buffer> {
  return {
    allowed: `${length} bytes as base64 (for example from: openssl rand -base64 ${length})`,
    parse: (given) => {
      const bytes = Buffer.from(given, 'base64');
      return /^[A-Za-z0-9+/_-]+={0,2}$/.test(given) && bytes.length === length ? bytes : undefined;
    },
  };
}

/** Values separated by commas; the word "none" is the empty list. */
export function list(member: SettingKind<string>): SettingKind<readonly string[]> {
  return {
    allowed: `none, or a comma-separated list of: ${member.allowed}`,
    parse: (given) => {
      if (given === 'none') return [];
      const values = given.split(',').map((part) => member.parse(part.trim()));
      return values.every((value) => value !== undefined) ? values : undefined;
    },
  };
}
