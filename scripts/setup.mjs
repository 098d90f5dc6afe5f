// Runs before `npm start`, `npm run demo`, `npm test` and their like, with whatever Node is on PATH and nothing installed:
// only Node's built-ins, and no syntax newer than Node 14. Says one line (on stderr) per thing that it had to do.
//
//   node scripts/setup.mjs build   dependencies, the pinned Node, a build that is as new as the sources
//   node scripts/setup.mjs run     the same, and a Redis: MAGPIE_REDIS_URL, or a server program for the embedded one
//   node scripts/setup.mjs test    the same, but a server program in any case: the tests start servers of their own

import { execFileSync, spawnSync } from 'child_process';
import { createHash } from 'crypto';
import { accessSync, chmodSync, constants, existsSync, mkdirSync, rmSync, statSync, unlinkSync } from 'fs';
import { readdirSync, readFileSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { delimiter, dirname, join, relative } from 'path';
import { fileURLToPath } from 'url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pinnedNode = join(root, 'node_modules', '.bin', 'node');
const OLDEST_REDIS = [6, 2];
/** How much of a failed step's output is shown. */
const REASON_LINES = 40;
const SOURCES = ['apps', 'examples', 'libs', 'test'];
const BUILD_SETTINGS = ['package.json', 'package-lock.json', 'tsconfig.json', 'nest-cli.json'];
const buildStamp = join(root, 'dist', '.built-from.json');

/** Ends the set-up with a message for the reader instead of a stack. */
class SetupFailure extends Error {
  constructor(message, output = '') {
    super(message);
    this.output = output;
  }
}

function main(mode) {
  if (!['run', 'build', 'test'].includes(mode)) throw new SetupFailure('usage: node scripts/setup.mjs run|build|test');
  const todo = () => ({ install: missingPackages().length > 0, node: !hasPinnedNode(), build: changedSources() !== undefined });
  if (Object.values(todo()).some(Boolean)) {
    exclusively(() => {
      // Another set-up may have done the work while this one waited for its turn.
      if (todo().install) install();
      if (todo().node) installPinnedNode();
      const changes = changedSources();
      if (changes !== undefined) build(changes);
    });
  }
  if (mode === 'test' || (mode === 'run' && !process.env.MAGPIE_REDIS_URL)) ensureRedis();
}

// --- dependencies ---

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** What the lock file asks for and npm's own record of the last installation does not have. */
function missingPackages() {
  const { packages: wanted } = readJson(join(root, 'package-lock.json'));
  const { packages: installed } = readJson(join(root, 'node_modules', '.package-lock.json')) || { packages: {} };
  return Object.keys(wanted).filter((path) => {
    if (path === '' || wanted[path].optional) return false;
    return !installed[path] || installed[path].version !== wanted[path].version;
  });
}

function install() {
  const npm = String(execFileSync('npm', ['--version'], { env: plainEnvironment() })).trim();
  if (Number(npm.split('.')[0]) < 7) throw new SetupFailure(`npm ${npm} cannot read the lock file: run \`npm install -g npm@9\` first`);
  const options = ['--no-audit', '--no-fund', '--include=dev'];
  try {
    step('installing the locked dependencies (npm ci)', 'npm', ['ci', ...options]);
  } catch (error) {
    // A lock file made where a registry lacks packages for other platforms: `npm ci` wants all of them to be listed.
    if (!/ in sync/.test(error.output)) throw error;
    step('installing them as far as locked (npm install)', 'npm', ['install', '--no-save', ...options]);
  }
}

/**
 * Inside a script npm hands its own settings down as npm_config_*, among them the outer project's folders, which would
 * send the installation of the pinned Node to the wrong place. What says where packages come from stays.
 */
function plainEnvironment() {
  const kept = /^npm_config_(registry|cache|userconfig|globalconfig|cafile|strict_ssl|https?_proxy|proxy|noproxy)$/i;
  const entries = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) || kept.test(name));
  return Object.fromEntries(entries);
}

function hasPinnedNode() {
  const wanted = `v${(readJson(join(root, 'node_modules', 'node', 'package.json')) || {}).version}`;
  if (process.version === wanted && process.execPath.startsWith(join(root, 'node_modules'))) return true;
  return String(spawnSync(pinnedNode, ['-v']).stdout).trim() === wanted;
}

/** The package `node` fetches the runtime in its install script; newer releases of npm may be told not to run such scripts. */
function installPinnedNode() {
  step('installing the pinned Node', process.execPath, ['installArchSpecificPackage'], join(root, 'node_modules', 'node'));
  if (!hasPinnedNode()) throw new SetupFailure(`${pinnedNode} does not run: remove node_modules and try again`);
}

// --- build ---

/** Undefined when dist/ was made from exactly these sources; else their state, to be noted after the build. */
function changedSources() {
  const now = {};
  for (const file of BUILD_SETTINGS.map((name) => join(root, name)).concat(...SOURCES.map((name) => filesBelow(join(root, name))))) {
    const { mtimeMs, size } = statSync(file);
    now[relative(root, file)] = `${mtimeMs}:${size}`;
  }
  const before = readJson(buildStamp) || {};
  const same = Object.keys(now).length === Object.keys(before).length && Object.keys(now).every((file) => now[file] === before[file]);
  return same ? undefined : { now, removed: Object.keys(before).filter((file) => !(file in now)) };
}

function filesBelow(directory) {
  if (!existsSync(directory)) return [];
  return [].concat(
    ...readdirSync(directory, { withFileTypes: true }).map((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return filesBelow(path);
      return /\.(ts|lua)$/.test(entry.name) ? [path] : [];
    }),
  );
}

function build({ now, removed }) {
  for (const file of removed) {
    const built = join(root, 'dist', file.replace(/\.ts$/, '.js'));
    for (const path of [built, `${built}.map`]) if (existsSync(path)) unlinkSync(path);
  }
  // The record of the incremental build would keep tsc from writing again what somebody removed from dist/.
  if (!existsSync(buildStamp)) rmSync(join(root, 'dist', '.tsbuildinfo'), { force: true });
  step('building', pinnedNode, [join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js'), 'build']);
  writeFileSync(buildStamp, JSON.stringify(now));
}

// --- Redis ---

function ensureRedis() {
  const program = findRedis() || installRedis();
  const version = /v=(\d+)\.(\d+)[.\d]*/.exec(String(spawnSync(program, ['--version']).stdout));
  if (version === null) throw new SetupFailure(`${program} does not run\n${redisChoices()}`);
  const [major, minor] = [Number(version[1]), Number(version[2])];
  if (major < OLDEST_REDIS[0] || (major === OLDEST_REDIS[0] && minor < OLDEST_REDIS[1])) {
    throw new SetupFailure(`${program} is Redis ${version[0].slice(2)}, which is too old\n${redisChoices()}`);
  }
}

function findRedis() {
  return findProgram('redis-server', 'valkey-server');
}

function findProgram(...names) {
  for (const directory of (process.env.PATH || '').split(delimiter)) {
    for (const name of names) {
      try {
        accessSync(join(directory, name), constants.X_OK);
        return join(directory, name);
      } catch {
        // not here
      }
    }
  }
  return undefined;
}

/** Only where the package manager asks nothing: as root on Debian and Ubuntu, with Homebrew elsewhere. */
function installRedis() {
  exclusively(() => {
    if (findRedis()) return;
    try {
      if (process.platform === 'linux' && process.getuid() === 0 && findProgram('apt-get')) installRedisFromDebian();
      else if (findProgram('brew')) step('installing Redis (brew install redis)', 'brew', ['install', '--quiet', 'redis']);
    } catch (error) {
      throw new SetupFailure(`${error.message}\n${redisChoices()}`);
    }
  });
  const program = findRedis();
  if (!program) throw new SetupFailure(`no Redis server found\n${redisChoices()}`);
  return program;
}

function installRedisFromDebian() {
  const lock = ['-o', 'DPkg::Lock::Timeout=120'];
  try {
    step('updating the package lists (apt-get update)', 'apt-get', [...lock, 'update', '-qq']);
  } catch {
    // One of several sources cannot be reached; Redis may come from another.
  }
  const args = [...lock, 'install', '-y', '-qq', '--no-install-recommends', 'redis-server'];
  withoutServiceStart(() => step('installing Redis (apt-get install redis-server)', 'apt-get', args));
  // The package enables a service on port 6379; the hub runs a Redis of its own and nobody asked for a second one.
  if (existsSync('/run/systemd/system')) spawnSync('systemctl', ['disable', '--now', 'redis-server']);
  else spawnSync('update-rc.d', ['redis-server', 'disable']);
}

/** Debian's packages ask this file before they start a service. */
function withoutServiceStart(action) {
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n');
    chmodSync(policy, 0o755);
  }
  try {
    action();
  } finally {
    if (ours) unlinkSync(policy);
  }
}

function redisChoices() {
  return [
    `Magpie needs Redis ${OLDEST_REDIS.join('.')} or newer, or Valkey. Any one of these will do:`,
    '  Debian, Ubuntu   sudo apt-get install redis-server',
    '  Fedora, RHEL     sudo dnf install valkey',
    '  Alpine           sudo apk add redis',
    '  macOS            brew install redis',
    '  one that runs    MAGPIE_REDIS_URL=redis://host:6379 npm start',
  ].join('\n');
}

// --- running things ---

function step(what, command, args, cwd = root) {
  const start = Date.now();
  process.stderr.write(`setup: ${what} … `);
  const env = { ...plainEnvironment(), DEBIAN_FRONTEND: 'noninteractive', HOMEBREW_NO_AUTO_UPDATE: '1' };
  const options = { cwd, env, encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'pipe'] };
  const { status, error, stdout, stderr } = spawnSync(command, args, options);
  if (status === 0) {
    process.stderr.write(`${((Date.now() - start) / 1000).toFixed(1)} s\n`);
    return;
  }
  const output = error ? error.message : `${stdout}${stderr}`.trim();
  process.stderr.write('failed\n');
  throw new SetupFailure(`${what} failed:\n${output.split('\n').slice(-REASON_LINES).join('\n')}`, output);
}

/** One set-up of this folder at a time; the lock of a process that is gone counts for nothing. */
function exclusively(action) {
  const lock = join(tmpdir(), `magpie-setup-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`);
  const owner = join(lock, 'pid');
  for (let waited = false; !tryLock(lock); waited = true) {
    const pid = Number((existsSync(owner) && readFileSync(owner, 'utf8')) || 0);
    const age = existsSync(lock) ? Date.now() - statSync(lock).mtimeMs : 0;
    if (pid ? !isAlive(pid) : age > 5000) rmSync(lock, { recursive: true, force: true });
    if (!waited) process.stderr.write(`setup: another set-up of this folder is at work${pid ? ` (process ${pid})` : ''}, waiting\n`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    writeFileSync(owner, String(process.pid));
    action();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function tryLock(lock) {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

try {
  main(process.argv[2]);
} catch (error) {
  if (!(error instanceof SetupFailure)) throw error;
  process.stderr.write(`setup: ${error.message}\n`);
  process.exit(1);
}
