/** Cycles between files; the import zones stand in eslint.config.mjs. */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'A cycle means a missing third thing: usually a plain function or a small store of its own.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'resolvable',
      comment: 'An import that cannot be followed would hide a cycle.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.cycles.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.mjs'], exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'require', 'default'] },
  },
};
