import type { Target, TargetCredential } from '../../src/modules/models/routing/target.ts';

/** A credential for tests. */
export function madeCredential(id: string, over: Partial<TargetCredential> = {}): TargetCredential {
  return {
    id,
    name: id,
    owner: { kind: 'platform' },
    kind: 'compatible',
    baseUrl: 'http://unused.invalid/v1',
    apiVersion: null,
    version: 1,
    ...over,
  };
}

/** A target for tests: of a credential of its own unless it is given one. */
export function madeTarget(name: string, over: Partial<Target> = {}): Target {
  return {
    key: name,
    name,
    credential: madeCredential(name),
    model: 'demo-small',
    providerModel: 'demo-small',
    tier: 0,
    weight: 1,
    window: 8_192,
    maxOutput: undefined,
    continues: true,
    skills: new Set(),
    ...over,
  };
}
