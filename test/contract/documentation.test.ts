import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { LIMITS } from '#queue/limits.js';
import { DEFAULT_QUEUE_ATTRIBUTES } from '#queue/queue-attributes.js';
import { HUB_SETTINGS } from '#runtime/hub-settings.js';
import { environmentExample, settingsTable } from '#runtime/setting-docs.js';
import { DEFAULT_TOPIC_ATTRIBUTES } from '#topic/topic.js';
import { SetupFile } from '../../apps/api/setup-file/setup-file.js';
import { SUBSCRIPTION_READERS } from '../../apps/api/setup-file/setup-reader.js';
import { setupExample } from '../support/setup-example.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const SETTINGS = Object.values(HUB_SETTINGS);

/** Folders that hold nothing of ours. */
const FOREIGN = ['.git', 'node_modules', 'dist', 'data', 'coverage'];

interface Packages {
  readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>>;
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** Paths from the root of the repository. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (FOREIGN.includes(entry.name)) return [];
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [relative(root, path)] : [];
  });
}

/** What GitHub makes of a page's headings. */
function anchorsOf(text: string): Set<string> {
  const headings = text.replace(/```[\s\S]*?```/g, '').matchAll(/^#+ (.+)$/gm);
  return new Set(Array.from(headings, ([, heading]) => heading!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')));
}

/** Compares a generated file, or writes it when UPDATE_DOCS=1 asks for that. */
function expectGenerated(file: string, expected: string): void {
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(join(root, file), expected);
  expect(`${read(file)}`).toBe(expected);
}

const BEGIN = '<!-- generated from libs/runtime/hub-settings.ts: UPDATE_DOCS=1 npm test -- documentation -->';
const END = '<!-- end of the generated part -->';

describe('settings', () => {
  it('are those of docs/config.md', () => {
    const page = read('docs/config.md');
    expect(page.split(BEGIN)).toHaveLength(2);
    expect(page.split(END)).toHaveLength(2);
    const before = page.slice(0, page.indexOf(BEGIN));
    const after = page.slice(page.indexOf(END) + END.length);
    expectGenerated('docs/config.md', `${before}${BEGIN}\n\n${settingsTable(SETTINGS)}\n\n${END}${after}`);
  });

  it('are those of .env.example', () => {
    expectGenerated('.env.example', environmentExample(SETTINGS));
  });
});

describe('docs/setup-file.md', () => {
  it('shows a set-up file', () => {
    SetupFile.parse('docs/setup-file.md', setupExample(), '1234567890123456');
  });

  it('names every attribute that the file may set', () => {
    const names = [...Object.keys(DEFAULT_QUEUE_ATTRIBUTES), ...Object.keys(DEFAULT_TOPIC_ATTRIBUTES), ...Object.keys(SUBSCRIPTION_READERS)];
    const page = read('docs/setup-file.md');
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('pages', () => {
  const pages = filesBelow(root).filter((file) => file.endsWith('.md'));

  it.each(pages)('%s links to files that exist', (page) => {
    const text = read(page).replace(/```[\s\S]*?```|`[^`\n]*`/g, '');
    const targets = Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target!.replace(/#.*$/, ''));
    const missing = targets.filter((target) => target !== '' && !/^[a-z]+:/i.test(target) && !existsSync(join(root, dirname(page), target)));
    expect(missing).toEqual([]);
  });

  it.each(pages)('%s links to headings that exist', (page) => {
    const text = read(page).replace(/```[\s\S]*?```|`[^`\n]*`/g, '');
    const targets = Array.from(text.matchAll(/\]\(([^)\s:#]*)#([^)\s]+)\)/g), ([, file, heading]) => [file!, heading!] as const);
    const missing = targets.filter(([file, heading]) => {
      const target = file === '' ? page : join(dirname(page), file);
      return !existsSync(join(root, target)) || !anchorsOf(read(target)).has(heading);
    });
    expect(missing).toEqual([]);
  });

  it('has as many headings in Chinese as in English', () => {
    const headings = (page: string) => read(page).replace(/```[\s\S]*?```/g, '').match(/^#+ /gm);
    if (pages.includes('README.md') && pages.includes('README.zh-CN.md')) expect(headings('README.zh-CN.md')).toEqual(headings('README.md'));
  });
});

describe('docs/protocol.md', () => {
  it('has the ranges and defaults of a queue', () => {
    const rows = read('docs/protocol.md').matchAll(/^\| `(\w+)` \| (\d+)–(\d+) (?:s|bytes) \| (\d+) \|/gm);
    const documented = Array.from(rows, ([, name, ...numbers]) => [name, numbers.map(Number)] as const);
    const attributes = ['delaySeconds', 'maximumMessageSize', 'messageRetentionPeriod', 'visibilityTimeout', 'pollingWaitSeconds'] as const;
    const known = attributes.map((name) => [capitalised(name), [...LIMITS[name], DEFAULT_QUEUE_ATTRIBUTES[name]]] as const);
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(known));
  });
});

function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

describe('packages', () => {
  const lock = read('package-lock.json');

  it('come from whatever registry the user has set', () => {
    expect(lock).not.toContain('"resolved": "http');
  });

  it('are locked for every platform, which npm ci insists on', () => {
    const { packages } = JSON.parse(lock) as Packages;
    const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
    const optional = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies));
    expect(optional.filter((name) => !names.has(name))).toEqual([]);
  });

  it('each have a reason in CONTRIBUTING.md', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
    const [, table = ''] = read('CONTRIBUTING.md').split('\n## Dependencies\n');
    const explained = Array.from(table.matchAll(/^\| (`[^|]+`) \|/gm), ([, cell]) => cell!.match(/[^`, ]+/g) ?? []).flat();
    expect(explained.sort()).toEqual([...Object.keys(dependencies!), ...Object.keys(devDependencies!)].sort());
  });
});

it('no file leads out of the repository', () => {
  const outside = ['..', 'shared'].join('/');
  expect(filesBelow(root).filter((file) => read(file).includes(outside))).toEqual([]);
});
