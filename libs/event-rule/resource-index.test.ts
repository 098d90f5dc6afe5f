import { describe, expect, it } from '@jest/globals';
import { ResourceIndex, type Literals } from './resource-index.js';

/** Ways in which a rule names resources, each spread over many buckets, folders or endings. */
const SHAPES: readonly ((index: number) => Literals)[] = [
  (index) => ({ prefix: `bucket-${index}/` }),
  (index) => ({ exact: `bucket/file-${index}` }),
  (index) => ({ suffix: `.kind-${index}` }),
  (index) => ({ prefix: 'bucket-1/', suffix: `-${index}.jpg` }),
  (index) => ({ prefix: `bucket-1/dir-${index}/`, suffix: '.jpg' }),
];

const indexOf = (count: number) =>
  new ResourceIndex(Array.from({ length: count }, (_, index) => ({ literals: SHAPES[index % SHAPES.length]!(index), value: index })));

const fits = ({ exact, prefix = '', suffix = '' }: Literals, resource: string): boolean =>
  exact === undefined ? resource.startsWith(prefix) && resource.endsWith(suffix) : exact === resource;

describe('an index of resources', () => {
  it.each(['bucket-1/dir-4/some/where/a-3.jpg', 'bucket/file-9996', 'x/y.kind-9997', 'bucket-9995/z', 'nothing/like/it'])(
    'brings few of ten thousand into question for %s, and none is missing',
    (resource) => {
      const candidates = indexOf(10_000).candidates(resource);
      expect(candidates.length).toBeLessThanOrEqual(3);
      const wanted = Array.from({ length: 10_000 }, (_, index) => index).filter((index) => fits(SHAPES[index % SHAPES.length]!(index), resource));
      expect(candidates).toEqual(expect.arrayContaining(wanted));
    },
  );
});
