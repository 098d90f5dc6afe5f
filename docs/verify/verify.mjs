// Verifies a push of Magpie:  node verify.mjs rsa <request file> <certificate.pem>
//                             node verify.mjs hmac <request file> <whsec_…>
// The request file holds the request as it came: request line, headers, empty line, body.
import { createHash, createHmac, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

const TOLERANCE = 300; // seconds

/** `headers` by their lower-case names, `path` with the query, `body` as the bytes that came. */
export function verifyRsa({ path, headers, body }, certificatePem) {
  const md5 = createHash('md5').update(body).digest('hex');
  const digests = [Buffer.from(md5).toString('base64'), md5.toUpperCase()]; // XML and JSON, SIMPLIFIED
  if (!digests.includes(headers['content-md5'])) throw new Error('the body was changed');
  checkTime(Date.parse(headers['date']) / 1000);
  const own = Object.keys(headers).filter((name) => name.startsWith('x-mns-')).sort();
  const text = ['POST', headers['content-md5'], headers['content-type'], headers['date'], ...own.map((name) => `${name}:${headers[name]}`), path].join('\n');
  // Node hands out headers as latin1, one character for each byte.
  const signature = Buffer.from(headers['authorization'], 'base64');
  if (!verify('RSA-SHA1', Buffer.from(text, 'latin1'), new X509Certificate(certificatePem).publicKey, signature)) throw new Error('the signature does not fit');
}

export function verifyHmac({ headers, body }, secret) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  checkTime(Number(timestamp));
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  const fits = signatures.split(' ').some((each) => {
    const given = each.startsWith('v1,') ? Buffer.from(each.slice(3), 'base64') : Buffer.alloc(0);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!fits) throw new Error('the signature does not fit');
}

function checkTime(seconds) {
  if (!(Math.abs(Date.now() / 1000 - seconds) <= TOLERANCE)) throw new Error('the push is too old');
}

function readRequest(file) {
  const bytes = readFileSync(file);
  const end = bytes.indexOf('\r\n\r\n');
  const [requestLine, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  return { path: requestLine.split(' ')[1], headers, body: bytes.subarray(end + 4) };
}

const [kind, file, key] = process.argv.slice(2);
try {
  if (kind === 'rsa') verifyRsa(readRequest(file), readFileSync(key));
  else verifyHmac(readRequest(file), key);
  console.log('valid');
} catch (error) {
  console.log(`invalid: ${error.message}`);
  process.exitCode = 1;
}
