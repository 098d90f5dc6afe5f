import tseslint from 'typescript-eslint';

/** Libraries of the repository; an import shows its library as `#name/file.js`. */
const LIBRARIES = ['runtime', 'redis', 'queue', 'topic', 'delivery', 'event-rule', 'event-source', 'access', 'mns-wire'];

const NEST = { group: ['@nestjs/*', 'fastify', 'fastify/*', 'rxjs', 'reflect-metadata'], message: 'Nest lives in apps/ only: libraries are plain TypeScript.' };
const BULLMQ = { group: ['bullmq', '@nestjs/bullmq'], message: 'BullMQ schedules drains and has one owner: libs/delivery/drain-queue.ts (adding) and apps/worker (taking).' };
const IOREDIS = { group: ['ioredis'], message: 'Clients are made in libs/redis only, so that every connection has the same rules.' };
const APPS = { group: ['**/apps/**'], message: 'A library never knows an app.' };

/** What each library may import of the others, and why not the rest. */
const MAY_IMPORT = {
  runtime: [],
  redis: ['runtime'],
  queue: ['runtime', 'redis'],
  delivery: ['runtime', 'redis', 'queue', 'access'],
  topic: ['runtime', 'redis', 'queue', 'delivery'],
  'event-rule': ['runtime', 'redis'],
  'event-source': ['runtime', 'redis', 'access', 'event-rule'],
  access: ['runtime', 'redis'],
  'mns-wire': ['runtime', 'queue', 'topic', 'delivery', 'access'],
};

/** Files that speak to Redis; the rest of these libraries is pure. */
const STORES = {
  queue: ['*-store', 'long-poll', 'upkeep', 'message-mover'],
  delivery: ['*-store', 'attempt-log', 'drain-queue', 'push-certificate'],
  topic: ['*-store', 'publisher', 'pending-deliveries'],
  'event-rule': ['*-store'],
  'event-source': ['*-store'],
  access: ['*-store'],
};

function restricted(...patterns) {
  return { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] };
}

function foreignTo(library) {
  const foreign = LIBRARIES.filter((other) => other !== library && !MAY_IMPORT[library].includes(other)).map((other) => `#${other}/*`);
  return { group: [...foreign, `#${library}/*`], message: `libs/${library} may import ${MAY_IMPORT[library].join(', ') || 'no other library'}; its own files by relative path.` };
}

const libraryZones = LIBRARIES.flatMap((library) => {
  const always = [NEST, APPS, foreignTo(library)];
  const bullmq = library === 'delivery' ? [] : [BULLMQ];
  const ioredis = library === 'redis' ? [] : [IOREDIS];
  const zones = [{ files: [`libs/${library}/**/*.ts`], rules: restricted(...always, ...bullmq, ...ioredis) }];
  if (STORES[library] !== undefined) {
    zones.push({
      files: [`libs/${library}/**/*.ts`],
      ignores: [...STORES[library].map((file) => `libs/${library}/${file}.ts`), '**/*.test.ts'],
      rules: restricted(
        ...always,
        BULLMQ,
        IOREDIS,
        { group: ['#redis/*'], allowTypeImports: true, message: `Only ${STORES[library].join(', ')} of libs/${library} speak to Redis; the rest decides on plain values.` },
      ),
    });
  }
  return zones;
});

const APP_NAMES = ['api', 'bridge', 'worker', 'standalone'];
const appZones = APP_NAMES.map((app) => ({
  files: [`apps/${app}/**/*.ts`],
  ignores: ['**/*.test.ts'],
  rules: restricted(
    { group: APP_NAMES.filter((other) => other !== app).map((other) => `**/${other}/**`), message: 'An app never knows another app; what two need is a library.' },
    ...(app === 'worker' ? [] : [BULLMQ]),
    ...(app === 'standalone' ? [{ group: ['@nestjs/*'], message: 'The supervisor starts processes; it serves nothing itself.' }] : []),
    IOREDIS,
  ),
}));

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'coverage/**', 'data/**', '**/*.mjs', '**/*.cjs'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      'max-lines': ['error', { max: 600 }],
      'no-console': 'error',
    },
  },
  { files: ['libs/**/*.ts'], ignores: ['**/*.test.ts'], rules: { 'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'The environment is read once, by the app: hand the value in.' }] } },
  ...libraryZones,
  ...appZones,
  { files: ['apps/standalone/**/*.ts', 'test/bench/**/*.ts', 'test/chaos/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['**/*.test.ts', 'test/**/*.ts'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off', '@typescript-eslint/no-unsafe-member-access': 'off', '@typescript-eslint/unbound-method': 'off' },
  },
);
