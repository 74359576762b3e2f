import { Global, Module } from '@nestjs/common';
import { AuditRefusals } from './audit-refusals.ts';

/** The record of who did what. */
@Global()
@Module({ providers: [AuditRefusals], exports: [AuditRefusals] })
export class AuditModule {}
