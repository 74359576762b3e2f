import { Module } from '@nestjs/common';
import { ModelsModule } from '../models/index.ts';
import { PrivacyModule } from '../privacy/index.ts';
import { Health } from './health.service.ts';
import { OperationsController } from './operations.controller.ts';
import { PurgeExpired } from './purge-expired.job.ts';
import { ApplyRetention } from './retention/apply-retention.job.ts';
import { ExpiredRowsRepository } from './retention/expired-rows.repository.ts';
import { RetentionSweep } from './retention/retention-sweep.ts';
import { StatementController } from './statement/statement.controller.ts';
import { PrivacyStatement } from './statement/statement.service.ts';

const retention = [ExpiredRowsRepository, RetentionSweep, ApplyRetention];

/** Probes, metrics and housekeeping, and the statement of how data is processed. */
@Module({
  imports: [ModelsModule, PrivacyModule],
  controllers: [OperationsController, StatementController],
  providers: [Health, PurgeExpired, ...retention, PrivacyStatement],
  exports: [Health],
})
export class OperationsModule {}
