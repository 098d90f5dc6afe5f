import { readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DriverProcess } from './driver-process.js';
import type { Endpoint, MnsScenarioClient } from './operations.js';
import { cachedFolder, findProgram, runToEnd, type PreparedSdk } from './sdk-cache.js';

/** Version 1 signs with V2 and has no choice. */
export interface JavaSdk {
  readonly version: '2.0.0' | '1.1.9.1';
  readonly signature: 'V2' | 'V4';
}

const project = fileURLToPath(new URL('java/', import.meta.url));
const sources = join(project, 'src/main/java/conformance');

export function titleOf({ version, signature }: JavaSdk): string {
  return `Java SDK ${version}, signature ${signature}`;
}

export function lacksOf({ version }: JavaSdk): MnsScenarioClient['lacks'] {
  const both = {
    'attributes in lists': 'is not asked for them',
    'queue types': 'the queue type is an addition of this hub',
  };
  return version === '2.0.0' ? both : { ...both, properties: 'knows no properties' };
}

/** The driver with the SDK and all that it needs, built at the first run where there are Java and Maven; nothing is fetched afterwards. */
export async function prepare({ version }: JavaSdk): Promise<PreparedSdk> {
  const maven = findProgram('mvn');
  if (findProgram('java') === undefined) return { missing: 'no java on PATH' };
  const files = [join(project, 'pom.xml'), ...readdirSync(sources).map((name) => join(sources, name))];
  const content = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  return cachedFolder(`java-sdk-${version}`, content, async (directory) => {
    if (maven === undefined) throw new Error('no mvn on PATH');
    const goals = ['compile', 'dependency:copy-dependencies', `-DoutputDirectory=${join(directory, 'lib')}`];
    await runToEnd(maven, ['-q', '-B', '-f', join(project, 'pom.xml'), `-Dsdk.version=${version}`, `-Doutput=${directory}`, ...goals]);
  });
}

export function open(endpoint: Endpoint, directory: string, sdk: JavaSdk): MnsScenarioClient {
  const classPath = [join(directory, 'classes'), join(directory, 'lib', '*')].join(delimiter);
  const command = ['java', '-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', classPath, 'conformance.Main'] as const;
  return new DriverProcess(lacksOf(sdk), endpoint, [...command], { signature: sdk.signature });
}
