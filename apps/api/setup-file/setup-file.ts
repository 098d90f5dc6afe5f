import { readFile, stat } from 'node:fs/promises';
import { BadSetting } from '#runtime/setting.js';
import { findConflicts } from './setup-conflicts.js';
import { BadSetupFile, SetupDocument } from './setup-document.js';
import { readSetup } from './setup-reader.js';
import { planSteps, type SetupStep, type StepOutcome } from './setup-steps.js';
import { readPresent, type SetupTarget } from './setup-target.js';
import type { Setup } from './setup.js';

const LARGEST_FILE = 1_048_576;

/** How often the rest is tried again, when another process that applies the same file came in between. */
const ATTEMPTS = 5;

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Names of entries, such as `queues.orders`. */
export interface AppliedSetup {
  readonly created: readonly string[];
  readonly changed: readonly string[];
}

/** A file of queues, topics, subscriptions and event rules that shall exist; read and checked, not applied yet. */
export class SetupFile {
  private constructor(
    private readonly document: SetupDocument,
    private readonly setup: Setup,
  ) {}

  /**
   * @param account 16 digits; an ARN in the file must not name another one
   * @throws BadSetting when there is no such file · BadSetupFile
   */
  static async read(path: string, account: string): Promise<SetupFile> {
    return SetupFile.parse(path, await readText(path), account);
  }

  /** @param path its name, for messages @throws BadSetupFile */
  static parse(path: string, text: string, account: string): SetupFile {
    const document = SetupDocument.parse(path, text);
    return new SetupFile(document, readSetup(document, account));
  }

  /**
   * Creates what is missing and sets the attributes that the file names; deletes nothing. Any number of processes may apply the
   * same file at once.
   *
   * @throws BadSetupFile when it contradicts what there is; nothing was changed then · Error that names the entry which could not be
   * stored; those before it are · RedisUnavailable
   */
  async apply(target: SetupTarget): Promise<AppliedSetup> {
    const outcomes: [string, StepOutcome][] = [];
    for (let attempt = 1; ; attempt++) {
      const present = await readPresent(this.setup, target);
      const conflicts = findConflicts(this.setup, present, this.document);
      if (conflicts.length > 0) throw new BadSetupFile(conflicts);
      const failure = await run(planSteps(this.setup, present, target), (entry, outcome) => outcomes.push([entry, outcome]));
      if (failure === undefined) break;
      if (attempt === ATTEMPTS) throw failure;
    }
    const entries = (wanted: StepOutcome) => outcomes.filter(([, outcome]) => outcome === wanted).map(([entry]) => entry);
    return { created: entries('created'), changed: entries('changed') };
  }
}

/** @returns what the first step that failed has to say; the steps behind it were not run */
async function run(steps: readonly SetupStep[], done: (entry: string, outcome: StepOutcome) => void): Promise<Error | undefined> {
  for (const step of steps) {
    try {
      done(step.entry, await step.run());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return new Error(`the set-up file could not be applied: ${step.entry}: ${reason}`, { cause: error });
    }
  }
  return undefined;
}

/** @throws BadSetting */
async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST_FILE) throw new Error(`it has ${size} bytes`);
    return UTF8.decode(await readFile(path));
  } catch (error) {
    const allowed = `a YAML file of at most ${LARGEST_FILE} bytes that the API may read`;
    throw new BadSetting('MAGPIE_SETUP_FILE', `${JSON.stringify(path)} (${reasonOf(error)})`, allowed);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'it may not be read',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8',
};

function reasonOf(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? message;
}
