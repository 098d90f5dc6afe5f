const BLOCK = 512;
/** Offsets in the head of a file: mode, user, group, size, time, sum, kind, and what tells the format. */
const FIELDS: readonly (readonly [offset: number, text: string])[] = [
  [100, '0000644\0'],
  [108, '0000000\0'],
  [116, '0000000\0'],
  [136, '14700000000\0'],
  [148, '        '],
  [156, '0'],
  [257, 'ustar\x0000'],
];

/** Files with the same content of at most 512 bytes. MinIO unpacks such an upload, which is the quickest way to very many objects. */
export function tarArchive(names: readonly string[], content: Buffer): Buffer {
  const padded = Buffer.alloc(BLOCK);
  content.copy(padded);
  return Buffer.concat([...names.flatMap((name) => [head(name, content.length), padded]), Buffer.alloc(2 * BLOCK)]);
}

function head(name: string, length: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  for (const [offset, text] of FIELDS) block.write(text, offset);
  block.write(`${length.toString(8).padStart(11, '0')}\0`, 124);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
