// `npm test`: types, lint, import rules, then every test; `npm test -- <arguments of jest>` runs jest alone.
// The last line says how many tests passed, failed and were skipped.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const CHECKS = [
  ['types', ['typescript/bin/tsc', '--noEmit']],
  ['lint', ['eslint/bin/eslint.js', '.']],
  ['import cycles', ['dependency-cruiser/bin/dependency-cruiser.mjs', 'apps', 'examples', 'libs', 'test']],
];

async function main(jestArguments) {
  if (jestArguments.length === 0) {
    for (const [name, [program, ...args]] of CHECKS) {
      const start = Date.now();
      if (run(program, args) !== 0) return fail(`npm test stopped: ${name} failed`);
      process.stderr.write(`${name} ok (${((Date.now() - start) / 1000).toFixed(1)} s)\n`);
    }
    await provideMinio();
  }
  return runJest(jestArguments);
}

/** Tests of the bridge against a real MinIO run where one is installed or can be built; built once, into the user's cache. */
async function provideMinio() {
  const { findMinio } = await import('../dist/apps/standalone/demo/minio-binary.js');
  const say = (line) => process.stderr.write(`${line}\n`);
  if ((await findMinio({ build: true, environment: process.env, say })) === undefined) {
    say('no MinIO: not on PATH, not named by MINIO_BIN, and no Go to build it; its tests are skipped');
  }
}

function runJest(jestArguments) {
  const directory = mkdtempSync(join(tmpdir(), 'magpie-test-'));
  const report = join(directory, 'jest.json');
  try {
    const status = run('jest/bin/jest.js', ['--json', `--outputFile=${report}`, ...jestArguments]);
    const result = readReport(report);
    // Some arguments, such as --listTests, make jest run nothing.
    if (result?.testResults === undefined) return status === 0 ? 0 : fail('npm test stopped: jest did not report a result');
    const { numPassedTests: passed, numFailedTests: failed, numPendingTests: pending, numTodoTests: todo } = result;
    for (const { name, status: outcome, assertionResults } of result.testResults) {
      if (outcome === 'failed' && assertionResults.length === 0) process.stderr.write(`could not run ${name}\n`);
      for (const { title, ancestorTitles, status: state } of assertionResults) {
        if (state === 'pending' && title.startsWith('missing on this machine')) process.stderr.write(`${ancestorTitles[0]}: ${title}\n`);
      }
    }
    // A file that could not even be loaded has no tests that could fail, yet it is a failure.
    process.stdout.write(`${passed} passed, ${failed + result.numRuntimeErrorTestSuites} failed, ${pending + todo} skipped\n`);
    return status;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Runs a program of node_modules with this Node; its exit code, 1 when a signal ended it. */
function run(program, args) {
  const options = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const inherited = process.env.NODE_OPTIONS ?? '';
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules', program), ...args], {
    cwd: root,
    // jest's own worker processes need the flag too, hence not an argument. jest prints its JSON on stdout only without --outputFile.
    env: { ...process.env, NODE_OPTIONS: `${inherited} ${options.join(' ')}`.trim() },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return status ?? 1;
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  return 1;
}

process.exitCode = await main(process.argv.slice(2));
