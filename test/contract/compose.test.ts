import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import * as dclint from 'dclint';
import { parse } from 'yaml';
import { HUB_SETTINGS } from '#runtime/hub-settings.js';
import { SetupFile } from '../../apps/api/setup-file/setup-file.js';

const root = new URL('../..', import.meta.url);
const FILES = ['compose/compose.yaml', 'compose/standalone.yaml'];

interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
}

interface ComposeService {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
}

/** What is used of dclint: the types that it brings leave out the endings of their imports, so that nothing can follow them. */
interface ComposeLinter {
  lintFiles(paths: string[], recursive: boolean): { readonly messages: readonly LintMessage[] }[];
}

interface LintMessage {
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

const Linter = dclint.DCLinter as unknown as new (config: object) => ComposeLinter;

/** Beside the schema of the compose specification, which is always checked; what is missing here is a matter of taste. */
const RULES = {
  // The image that is built is the one that is named, so that three services share it.
  'no-build-and-image': 0,
  'top-level-properties-order': 0,
  'service-keys-order': 0,
  'services-alphabetical-order': 0,
} as const;

function read(file: string): string {
  return readFileSync(new URL(file, root), 'utf8');
}

function servicesOf(file: string): ComposeService[] {
  return Object.values((parse(read(file), { merge: true }) as ComposeFile).services);
}

describe.each(FILES)('%s', (file) => {
  it('follows the compose specification', () => {
    const linter = new Linter({ rules: RULES, quiet: false, debug: false, exclude: [] });
    const results = linter.lintFiles([fileURLToPath(new URL(file, root))], false);
    expect(results).toHaveLength(1);
    expect(results[0]!.messages.map(({ line, rule, message }) => `${line}: ${rule}: ${message}`)).toEqual([]);
  });

  it('sets nothing that the hub does not know', () => {
    const known = Object.values(HUB_SETTINGS).map(({ name }) => name);
    const used = read(file).match(/\bMAGPIE_\w+/g) ?? [];
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('holds no secret', () => {
    const secrets = [...Object.values(HUB_SETTINGS).flatMap(({ name, secret }) => (secret === true ? [name] : [])), 'MINIO_ROOT_PASSWORD'];
    const values = servicesOf(file).flatMap(({ environment = {} }) =>
      Object.entries(environment).filter(([name]) => secrets.includes(name) || /_AUTH_TOKEN_/.test(name)),
    );
    expect(values.filter(([, value]) => !value.startsWith('${') && value !== 'redis://redis:6379')).toEqual([]);
  });

  it('names every image by an exact release, our own by that of package.json', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    for (const { image } of servicesOf(file)) expect(image).toMatch(image.startsWith('magpie') ? `magpie:${version}` : EXACT);
  });
});

/** Three numbers, or MinIO's time of release. */
const EXACT = /^[a-z0-9/]+:(v?\d+\.\d+\.\d+(-[a-z0-9.-]+)?|RELEASE\.[\dTZ-]+)$/;

describe('compose/setup.yaml', () => {
  it('is a set-up file', () => {
    SetupFile.parse('compose/setup.yaml', read('compose/setup.yaml'), '1234567890123456');
  });

  it('is mounted where the API looks for it', () => {
    const { api } = (parse(read('compose/compose.yaml'), { merge: true }) as ComposeFile).services;
    expect(api?.volumes).toContain(`./setup.yaml:${api?.environment?.['MAGPIE_SETUP_FILE']}:ro`);
  });
});

describe('compose/Dockerfile', () => {
  it('is built on the Node that package.json pins', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: { node: string } };
    const bases = Array.from(read('compose/Dockerfile').matchAll(/^FROM (\S+)/gm), ([, image]) => image!);
    expect(bases.length).toBeGreaterThan(0);
    for (const image of bases) {
      expect(image).toMatch(EXACT);
      expect(image).toContain(`node:${dependencies.node}-`);
    }
  });

  it('sets nothing that the hub does not know', () => {
    const known = Object.values(HUB_SETTINGS).map(({ name }) => name);
    expect((read('compose/Dockerfile').match(/\bMAGPIE_\w+/g) ?? []).filter((name) => !known.includes(name))).toEqual([]);
  });
});
