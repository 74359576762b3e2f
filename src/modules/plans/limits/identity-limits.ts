import { Injectable, type OnModuleInit } from '@nestjs/common';
import { type Creation, CreationLimits } from '../../identity/index.ts';
import { CountedThings } from './counted-things.ts';

const creations: readonly Creation[] = ['api_keys', 'seats'];

/** Holds what identity makes to the plan: identity stands below plans, and is told here what to ask. */
@Injectable()
export class IdentityLimits implements OnModuleInit {
  constructor(
    private readonly creationLimits: CreationLimits,
    private readonly counted: CountedThings,
  ) {}

  onModuleInit(): void {
    for (const thing of creations) this.counted.register(thing, (tx, tenantId) => this.creationLimits.count(tx, tenantId, thing));
    this.creationLimits.limitBy((tx, tenantId, thing) => this.counted.take(tx, tenantId, thing));
  }
}
