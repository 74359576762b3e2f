import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { HeldTables } from './held-tables.ts';
import { PlatformData } from './platform-data.ts';
import { PersonalDataRegistry } from './personal-data-registry.ts';

/** Who holds what of people. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [PersonalDataRegistry, HeldTables, PlatformData],
  exports: [PersonalDataRegistry, HeldTables],
})
export class PersonalDataModule {}
