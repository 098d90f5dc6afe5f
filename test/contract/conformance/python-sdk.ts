import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DriverProcess } from './driver-process.js';
import type { Endpoint, MnsScenarioClient } from './operations.js';
import { cachedFolder, findProgram, runToEnd, type PreparedSdk } from './sdk-cache.js';

const VERSION = '1.2.2';
const driver = fileURLToPath(new URL('python-driver.py', import.meta.url));

export const title = `Python SDK ${VERSION}`;

export const lacks: MnsScenarioClient['lacks'] = {
  properties: 'knows no properties',
  'attributes in lists': 'is not asked for them',
  'queue types': 'the queue type is an addition of this hub',
  'carriage returns': 'does not escape carriage returns',
  'any visibility': 'refuses it itself',
  'any tag': 'refuses it itself',
};

/** A virtual environment with the SDK, made at the first run where there is a Python to make it with. */
export async function prepare(): Promise<PreparedSdk> {
  const python = findProgram('python3');
  if (python === undefined) return { missing: 'no python3 on PATH' };
  // An environment is of no use to another interpreter.
  const interpreter = await runToEnd(python, ['-c', 'import sys, venv; print(sys.version, sys.prefix)']).catch(() => undefined);
  if (interpreter === undefined) return { missing: 'python3 has no venv' };
  return cachedFolder('python-sdk', `${VERSION} ${interpreter}`, async (directory) => {
    await runToEnd(python, ['-m', 'venv', directory]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `aliyun-mns-sdk==${VERSION}`];
    await runToEnd(join(directory, 'bin', 'python'), pip);
  });
}

export function open(endpoint: Endpoint, directory: string): MnsScenarioClient {
  return new DriverProcess(lacks, endpoint, [join(directory, 'bin', 'python'), '-u', driver]);
}
