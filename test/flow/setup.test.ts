import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const setup = fileURLToPath(new URL('../../scripts/setup.mjs', import.meta.url));
const NEST = 'node_modules/@nestjs/cli/bin/nest.js';

/** A project of three files, and a PATH on which every program is a stand-in that notes its calls. */
describe('scripts/setup.mjs', () => {
  let root: string;
  let path: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'magpie-setup-'));
    path = join(root, 'programs');
    cpSync(setup, join(root, 'scripts/setup.mjs'));
    for (const file of ['package.json', 'tsconfig.json', 'nest-cli.json']) write(file, '{}');
    writeLock('24.0.0');
    write('libs/a.ts', '');
    write('libs/b.lua', '');
    program('npm', `process.argv[2] === '--version' ? console.log('11.0.0') : ${INSTALL}`);
    program('redis-server', `console.log('Redis server v=7.0.15 sha=0:0 malloc=libc bits=64 build=0')`);
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function write(file: string, content: string): void {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), content);
  }

  function writeLock(version: string): void {
    const optional = { version: '1.0.0', optional: true };
    const packages = { '': {}, 'node_modules/node': { version }, 'node_modules/other-platform': optional };
    write('package-lock.json', JSON.stringify({ packages }));
  }

  /** A program on PATH, or anywhere in the project, written in JavaScript. */
  function program(name: string, script: string, file = join('programs', name)): void {
    const log = JSON.stringify(join(root, 'calls'));
    const call = `require('fs').appendFileSync(${log}, ${JSON.stringify(name)} + ' ' + process.argv.slice(2).join(' ') + '\\n');`;
    write(file, `#!${process.execPath}\n${call}\n${script}\n`);
    chmodSync(join(root, file), 0o755);
  }

  async function run(mode: string, environment: Record<string, string> = {}) {
    const env = { PATH: path, ...environment };
    const child = spawn(process.execPath, [join(root, 'scripts/setup.mjs'), mode], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data: Buffer) => (said += data.toString()));
    const [code] = (await once(child, 'close')) as [number];
    return { code, said: said.replace(/\d+\.\d s/g, '<time>') };
  }

  function calls(): string[] {
    const file = join(root, 'calls');
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
    rmSync(file, { force: true });
    return lines.filter((line) => !line.endsWith('--version') && !line.endsWith('-v'));
  }

  const DONE = 'setup: installing the locked dependencies (npm ci) … <time>\nsetup: building … <time>\n';

  it('installs and builds, and then says and does nothing', async () => {
    expect(await run('run')).toEqual({ code: 0, said: DONE });
    expect(calls()).toEqual(['npm ci --no-audit --no-fund --include=dev', 'nest build']);
    expect(await run('run')).toEqual({ code: 0, said: '' });
    expect(calls()).toEqual([]);
  });

  it('installs again when the lock file asks for something else', async () => {
    await run('build');
    writeLock('24.0.1');
    expect((await run('build')).said).toBe(DONE);
  });

  it('builds again when a source has changed, and drops the output of one that is gone', async () => {
    await run('build');
    calls();
    utimesSync(join(root, 'libs/b.lua'), 1, 1);
    expect((await run('build')).said).toBe('setup: building … <time>\n');
    write('dist/libs/a.js', '');
    rmSync(join(root, 'libs/a.ts'));
    expect((await run('build')).said).toBe('setup: building … <time>\n');
    expect(existsSync(join(root, 'dist/libs/a.js'))).toBe(false);
    expect(calls()).toEqual(['nest build', 'nest build']);
  });

  it('shows why a build failed, and tries again the next time', async () => {
    await run('build');
    program('nest', `console.log('a.ts(1,1): error TS1: wrong'); process.exit(1)`, NEST);
    write('libs/c.ts', '');
    const said = 'setup: building … failed\nsetup: building failed:\na.ts(1,1): error TS1: wrong\n';
    expect(await run('build')).toEqual({ code: 1, said });
    expect((await run('build')).code).toBe(1);
  });

  it('fetches the pinned Node itself where npm does not run install scripts', async () => {
    const block = `fs.rmSync('node_modules/.bin', { recursive: true })`;
    program('npm', `process.argv[2] === '--version' ? console.log('12.0.0') : (${INSTALL}, ${block})`);
    const steps = ['installing the locked dependencies (npm ci)', 'installing the pinned Node', 'building'];
    expect(await run('build')).toEqual({ code: 0, said: steps.map((step) => `setup: ${step} … <time>\n`).join('') });
  });

  it('installs what is locked where npm ci misses packages of other platforms in the lock file', async () => {
    const complaint = `'package.json and package-lock.json are not in sync\\n' + 'usage\\n'.repeat(99)`;
    const refuse = `(console.error(${complaint}), process.exit(1))`;
    program('npm', `({ '--version': () => console.log('11.0.0'), ci: () => ${refuse}, install: () => ${INSTALL} })[process.argv[2]]()`);
    expect(await run('build')).toMatchObject({ code: 0 });
    expect(calls()).toContain('npm install --no-save --no-audit --no-fund --include=dev');
    expect(await run('build')).toEqual({ code: 0, said: '' });
  });

  it('keeps npm from seeing the settings of the npm that runs it', async () => {
    const note = `fs.writeFileSync('seen', Object.keys(process.env).filter((name) => name.startsWith('npm_')).sort().join())`;
    program('npm', `process.argv[2] === '--version' ? console.log('11.0.0') : (${INSTALL}, ${note})`);
    const settings = { npm_config_local_prefix: '/elsewhere', npm_lifecycle_event: 'prestart', npm_config_registry: 'http://127.0.0.1:1/' };
    await run('build', settings);
    expect(readFileSync(join(root, 'seen'), 'utf8')).toBe('npm_config_registry');
  });

  it('lets two at a time do the work once', async () => {
    const both = await Promise.all([run('build'), run('build')]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(calls()).toEqual(['npm ci --no-audit --no-fund --include=dev', 'nest build']);
  });

  it.each([
    ['no Redis server found', undefined],
    ['Redis 5.0.14, which is too old', `console.log('Redis server v=5.0.14 sha=0')`],
  ])('lists the choices when there is %s', async (problem, script) => {
    await run('build');
    rmSync(join(path, 'redis-server'));
    if (script !== undefined) program('redis-server', script);
    const { code, said } = await run('run');
    expect(code).toBe(1);
    expect(said).toContain(problem);
    expect(said).toContain('sudo apt-get install redis-server');
    expect(said).toContain('MAGPIE_REDIS_URL=redis://host:6379 npm start');
  });

  it('needs no server program where another Redis is named, except for the tests', async () => {
    await run('build');
    rmSync(join(path, 'redis-server'));
    const environment = { MAGPIE_REDIS_URL: 'redis://127.0.0.1:1' };
    expect((await run('run', environment)).code).toBe(0);
    expect((await run('test', environment)).code).toBe(1);
  });

  it('takes Valkey for Redis', async () => {
    await run('build');
    rmSync(join(path, 'redis-server'));
    program('valkey-server', `console.log('Valkey server v=8.1.1 sha=0')`);
    expect(await run('run')).toEqual({ code: 0, said: '' });
  });

  it('installs Redis with Homebrew', async () => {
    await run('build');
    rmSync(join(path, 'redis-server'));
    const redis = `#!${process.execPath}\nconsole.log('Redis server v=8.0.0 sha=0')`;
    const file = JSON.stringify(join(path, 'redis-server'));
    program('brew', `require('fs').writeFileSync(${file}, ${JSON.stringify(redis)}, { mode: 0o755 })`);
    expect(await run('run')).toEqual({ code: 0, said: 'setup: installing Redis (brew install redis) … <time>\n' });
    expect(calls()).toContain('brew install --quiet redis');
  });
});

/** What `npm ci` leaves behind, as one expression; it runs in the project's folder. */
const INSTALL = `(() => {
  globalThis.fs = require('fs');
  const { version } = JSON.parse(fs.readFileSync('package-lock.json')).packages['node_modules/node'];
  const call = fs.readFileSync(process.argv[1], 'utf8').split('\\n').slice(0, 2).join('\\n');
  const put = (file, text) => {
    fs.mkdirSync(require('path').dirname(file), { recursive: true });
    fs.writeFileSync(file, text, { mode: 0o755 });
  };
  const answers = 'if (process.argv[2] === "-v") console.log("v' + version + '");';
  const runs = answers + ' else { process.argv.splice(1, 1); require(process.argv[1]); }';
  const node = call.split('\\n')[0] + '\\n' + runs + '\\n';
  put('node_modules/node/package.json', JSON.stringify({ version }));
  const fetches = 'fs.mkdirSync("../.bin"); fs.writeFileSync("../.bin/node", ' + JSON.stringify(node) + ', { mode: 0o755 });';
  put('node_modules/node/installArchSpecificPackage.js', 'const fs = require("fs"); ' + fetches);
  put('node_modules/.bin/node', node);
  put('${NEST}', call.split('\\n')[1].replace('"npm"', '"nest"') + '\\nrequire("fs").mkdirSync("dist", { recursive: true });\\n');
  put('node_modules/.package-lock.json', JSON.stringify({ packages: { 'node_modules/node': { version } } }));
})()`;
