/**
 * The direction of imports, as rules: apps -> modules -> platform -> kernel; a module imports only modules of a lower
 * rank, and only through their index.ts. The ranks stand here and nowhere else; modules that are planned have theirs already.
 */
const ranks = {
  identity: 1,
  plans: 2,
  privacy: 2,
  models: 3,
  knowledge: 4,
  'answer-cache': 4,
  bots: 5,
  experiments: 6,
  conversations: 7,
  chat: 8,
  analytics: 9,
  webhooks: 9,
  operations: 9,
};

const notLower = (name) =>
  Object.keys(ranks)
    .filter((other) => other !== name && ranks[other] >= ranks[name])
    .join('|');

module.exports = {
  forbidden: [
    // Types vanish: a cycle of types alone is none at run time.
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    {
      name: 'kernel-imports-nothing-above',
      severity: 'error',
      from: { path: '^src/kernel' },
      to: { path: '^(src/(platform|modules|apps)|migrations)' },
    },
    {
      name: 'platform-knows-no-feature',
      severity: 'error',
      from: { path: '^src/platform' },
      to: { path: '^(src/(modules|apps)|migrations)' },
    },
    { name: 'nobody-imports-apps', severity: 'error', from: { path: '^src/(kernel|platform|modules)' }, to: { path: '^src/apps' } },
    {
      name: 'the-witness-is-independent',
      severity: 'error',
      from: { path: '^src/apps/demo-model' },
      to: { path: '^src/(platform|modules|kernel)' },
    },
    ...Object.keys(ranks).map((name) => ({
      name: `${name}-imports-lower-ranks-only`,
      severity: 'error',
      from: { path: `^src/modules/${name}/` },
      to: { path: `^src/modules/(${notLower(name)})/` },
    })),
    {
      name: 'modules-through-their-door',
      severity: 'error',
      from: { path: '^src/modules/([^/]+)/' },
      to: { path: '^src/modules/([^/]+)/(?!index\\.ts$)', pathNot: '^src/modules/$1/' },
    },
    {
      name: 'apps-through-the-door',
      severity: 'error',
      from: { path: '^src/apps/' },
      to: { path: '^src/modules/([^/]+)/(?!index\\.ts$)' },
    },
    {
      name: 'unranked-module',
      severity: 'error',
      from: {},
      to: { path: '^src/modules/', pathNot: `^src/modules/(${Object.keys(ranks).join('|')})/` },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(\\.test\\.ts$|^dist)' },
    includeOnly: { path: '^(src|migrations)' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
