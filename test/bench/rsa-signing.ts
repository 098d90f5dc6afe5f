import { generateKeyPairSync, sign } from 'node:crypto';

/** Enough for the four threads of Node's pool at all times. */
const AT_A_TIME = 16;

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const text = Buffer.alloc(300, 'x');

/** RSA-2048 signatures with SHA-1 per second that Node's thread pool makes when it has all cores to itself. */
export async function rsaSigningRate(seconds: number): Promise<number> {
  const start = performance.now();
  const end = start + seconds * 1_000;
  let signatures = 0;
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
      while (performance.now() < end) {
        await new Promise<void>((resolve, reject) => sign('RSA-SHA1', text, privateKey, (error) => (error === null ? resolve() : reject(error))));
        signatures += 1;
      }
    }),
  );
  return signatures / ((performance.now() - start) / 1_000);
}
