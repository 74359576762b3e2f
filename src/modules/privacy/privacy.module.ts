import { Module } from '@nestjs/common';
import { IdentityModule } from '../identity/index.ts';
import { AnalysisController } from './analysis/analysis.controller.ts';
import { AnalysisService } from './analysis/analysis.service.ts';
import { MappingsRepository } from './analysis/mappings.repository.ts';
import { Analyzer } from './anonymizer/analyzer.ts';
import { FullAnalyzer } from './anonymizer/remote/full-analyzer.ts';
import { PresidioRecognizer } from './anonymizer/remote/presidio.recognizer.ts';
import { AuditEventsRepository } from './audit/audit-events.repository.ts';
import { AuditExport } from './audit/audit-export.ts';
import { AuditController } from './audit/audit.controller.ts';
import { Audit } from './audit/audit.service.ts';
import { ConsentsController } from './consent/consents.controller.ts';
import { ConsentsRepository } from './consent/consents.repository.ts';
import { Consents } from './consent/consents.service.ts';
import { HoldsController } from './holds/holds.controller.ts';
import { HoldsRepository } from './holds/holds.repository.ts';
import { Holds } from './holds/holds.service.ts';
import { InjectionModule } from './injection/injection.module.ts';
import { ModeController } from './mode/mode.controller.ts';
import { PrivacyModes } from './mode/mode.service.ts';
import { TenantPrivacy } from './mode/tenant-privacy.ts';
import { type PrivacyConfig, privacyConfig } from './privacy.config.ts';
import { PrivacyData } from './privacy-data.ts';
import { PromptPrivacy } from './pseudonyms/prompt-privacy.ts';
import { RetentionController } from './retention/retention.controller.ts';
import { RetentionRepository } from './retention/retention.repository.ts';
import { RetentionPolicies } from './retention/retention.service.ts';
import { DeleteTenantJob } from './rights/delete-tenant.job.ts';
import { ErasePersonJob } from './rights/erase-person.job.ts';
import { ErasuresController } from './rights/erasures.controller.ts';
import { ErasuresRepository } from './rights/erasures.repository.ts';
import { Erasures } from './rights/erasures.service.ts';
import { ForgetAgain } from './rights/forget-again.job.ts';
import { Forgetting } from './rights/forgetting.ts';
import { ExportDownloads } from './rights/exports/export-downloads.ts';
import { ExportKeys } from './rights/exports/export-keys.ts';
import { ExportPartsRepository } from './rights/exports/export-parts.repository.ts';
import { ExportRemoval } from './rights/exports/export-removal.ts';
import { ExportsController } from './rights/exports/exports.controller.ts';
import { ExportsData } from './rights/exports/exports-data.ts';
import { ExportsRepository } from './rights/exports/exports.repository.ts';
import { PersonalExports } from './rights/exports/exports.service.ts';
import { ExportStorage } from './rights/exports/export-storage.ts';
import { MakeExport } from './rights/exports/make-export.job.ts';
import { SweepExports } from './rights/exports/sweep-exports.job.ts';
import { Subjects } from './rights/subjects.ts';
import { TenantDeletionController } from './rights/tenant-deletion.controller.ts';
import { TenantDeletions } from './rights/tenant-deletion.service.ts';

function fullAnalyzer(analyzer: Analyzer, config: PrivacyConfig): FullAnalyzer {
  const { presidioUrl, presidioLanguages, presidioTimeoutMs, presidioFailure } = config;
  if (presidioUrl === undefined) return new FullAnalyzer(analyzer);
  const recognizer = new PresidioRecognizer({ url: presidioUrl, languages: presidioLanguages, timeoutMs: presidioTimeoutMs });
  return new FullAnalyzer(analyzer, { recognizer, failure: presidioFailure });
}

const audit = [AuditEventsRepository, Audit, AuditExport];
const kept = [RetentionRepository, RetentionPolicies, HoldsRepository, Holds, ConsentsRepository, Consents];
const rights = [
  Subjects,
  Forgetting,
  ErasuresRepository,
  Erasures,
  ErasePersonJob,
  TenantDeletions,
  DeleteTenantJob,
  ForgetAgain,
  PrivacyData,
];
const exportStorage = [ExportsRepository, ExportPartsRepository, ExportKeys, ExportRemoval, ExportStorage, ExportsData];
const exporting = [PersonalExports, ExportDownloads, MakeExport, SweepExports];

/** What keeps personal data from whoever has no need of it, and the record of who did what. */
@Module({
  imports: [IdentityModule, InjectionModule],
  controllers: [
    AnalysisController,
    AuditController,
    RetentionController,
    HoldsController,
    ConsentsController,
    ModeController,
    ErasuresController,
    TenantDeletionController,
    ExportsController,
  ],
  providers: [
    ...audit,
    ...kept,
    ...rights,
    ...exportStorage,
    ...exporting,
    TenantPrivacy,
    PrivacyModes,
    AnalysisService,
    MappingsRepository,
    PromptPrivacy,
    { provide: Analyzer, useFactory: () => new Analyzer() },
    { provide: FullAnalyzer, inject: [Analyzer, privacyConfig.token], useFactory: fullAnalyzer },
  ],
  exports: [Analyzer, FullAnalyzer, PromptPrivacy, TenantPrivacy, RetentionPolicies, Consents],
})
export class PrivacyModule {}
